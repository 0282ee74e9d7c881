//! Everything that speaks for each class of one mail.
use super::{
    Learned, Records,
    blend::Evidence,
    features::Features,
    fit::{log_odds, softmax},
    histories::Histories,
    judge::Signs,
    neighbours::Vote,
};

/// Makes margins comparable with the other evidence: half a margin is a clear lead.
const SHARPNESS: f64 = 4.0;
/// No evidence is stronger than one in ten thousand.
const FAINT: f64 = 1e-4;
/// A sender or receiver files as usual until one mail says otherwise.
const DOUBT: f64 = 1.0;
/// The same subject says more than the same sender.
const SUBJECT_DOUBT: f64 = 0.5;

/// Everything that speaks for each class of one mail.
pub(super) struct View {
    pub(super) evidence: Vec<Evidence>,
    /// How many of the most similar mails are of each class.
    pub(super) voters: Vec<u32>,
    margins: Vec<f32>,
    known: f64,
    sender_count: f64,
    subject_count: f64,
}

impl View {
    pub(super) fn new(model: &Learned, item: &Features) -> Self {
        let count = model.classes.len();
        let mail = model.vocabulary.vector(item);
        let margins = model.margins.of(&mail);
        let sharp: Vec<f64> = margins.iter().map(|m| f64::from(*m) * SHARPNESS).collect();
        let likely = softmax(&sharp);
        let shares = model.shares.shares(count, item.at);
        let lift = |of: &Histories, key, doubt| of.lift(key, &shares, item.at, doubt);
        let (sender, sender_count) = lift(&model.senders, item.sender, DOUBT);
        let (subject, subject_count) = lift(&model.subjects, item.subject, SUBJECT_DOUBT);
        let recipients = model.of_recipients(item, &shares);
        let thread = model.of_thread(item);
        let Vote { nearest, share, voters } =
            model.neighbours.vote(&mail, count, &model.vocabulary);
        let words = model.words.likeness(&mail);
        let (shape, _) = lift(&model.shapes, item.shape, SUBJECT_DOUBT);
        let (group, _) = lift(&model.groups, item.group, SUBJECT_DOUBT);
        let (domain, _) = lift(&model.domains, item.domain, DOUBT);
        let evidence = |class: usize| {
            let days = model.shares.days_since(class, item.at);
            [
                f64::from(margins[class]),
                likely[class].max(FAINT).ln(),
                sender[class],
                subject[class],
                recipients[class],
                thread[class],
                shares[class].ln(),
                nearest[class],
                share[class],
                days.ln_1p(),
                words[class],
                shape[class],
                group[class],
                domain[class],
            ]
        };
        let evidence = (0..count).map(evidence).collect();
        let known = model.vocabulary.known(item);
        Self { evidence, voters, margins, known, sender_count, subject_count }
    }

    /// Returns what the judge looks at.
    pub(super) fn signs(
        &self,
        model: &Learned,
        chances: &[f64],
        (best, second): (usize, usize),
        records: Records,
    ) -> Signs {
        let mut margins: Vec<f64> = self.margins.iter().map(|margin| f64::from(*margin)).collect();
        let of_best = margins[best];
        margins.sort_by(|a, b| b.total_cmp(a));
        let agrees = of_best >= margins[0];
        let lead = (chances[best] / chances[second].max(1e-6)).ln();
        [
            1.0,
            log_odds(chances[best]),
            lead.min(8.0),
            margins[0] - margins[1],
            margins[0],
            f64::from(u8::from(agrees)),
            self.sender_count.ln_1p(),
            self.subject_count.ln_1p(),
            self.known,
            model.judge.record(records[3]),
            self.evidence[best][7],
            self.evidence[best][8],
            self.evidence[best][2].clamp(-3.0, 5.0),
            model.judge.record(records[0]),
            model.judge.record(records[1]),
            model.judge.record(records[2]),
        ]
    }
}

impl Learned {
    /// Returns the mean lift of the receivers that are known.
    fn of_recipients(&self, item: &Features, shares: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; shares.len()];
        let mut known = 0.0;
        for recipient in &item.recipients {
            let (lift, count) = self.recipients.lift(*recipient, shares, item.at, DOUBT);
            if count > 0.0 {
                known += 1.0;
                for (sum, lift) in sum.iter_mut().zip(lift) {
                    *sum += lift;
                }
            }
        }
        for sum in &mut sum {
            *sum /= f64::max(known, 1.0);
        }
        sum
    }

    /// Returns each class's share of the thread's earlier mails.
    fn of_thread(&self, item: &Features) -> Vec<f64> {
        let mut shares = vec![0.0; self.classes.len()];
        let known: Vec<usize> =
            item.earlier.iter().filter_map(|id| self.threads.get(id).copied()).collect();
        for class in &known {
            shares[*class] += 1.0 / known.len() as f64;
        }
        shares
    }
}
