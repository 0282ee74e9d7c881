//! What every learner promises, and each of its models: [`Learner`] and [`Model`].
//!
//! The world is the learner itself. Its models are taught two projects: Ann writes about the one, Bob
//! about the other.
use std::sync::Arc;

use besunny_core::{
    classify::{Question, Verdict},
    document::Document,
    ids::{TenantId, UserId},
    label::Truth,
    learner::{Example, Guess, Learner, Model},
    mail::Mail,
    project::Project,
};
use chrono::{DateTime, TimeDelta, Utc};

use super::{Broken, Case, Outcome, check, check_equal, classifier::read, clause};
use crate::samples::document;

/// The learner under test.
pub type World = Arc<dyn Learner>;

/// Returns all cases.
#[must_use]
pub fn cases() -> Vec<Case<World>> {
    vec![
        clause("learner.import.same", same),
        clause("learner.import.refused", refused),
        clause("model.learn.repeatable", repeatable),
        clause("model.learn.predicts-first", predicts_first),
        clause("model.learn.again", again),
        clause("model.choice.offered", offered),
    ]
}

/// So many mails each project gets; who knows less may say nothing.
const TAUGHT: usize = 20;

/// A mail, its record, and where it belongs.
struct Lesson {
    mail: Mail,
    document: Document,
    truth: Truth,
}

impl Lesson {
    fn new(
        number: usize,
        truth: Truth,
        (from, subject, text): (&str, &str, &str),
    ) -> Result<Self, Broken> {
        let subject = format!("{subject} {number}");
        let mail = read(from, &subject, text)?;
        let days = i64::try_from(number).unwrap_or_default();
        let received_at: DateTime<Utc> = DateTime::UNIX_EPOCH + TimeDelta::days(days);
        let document = document(&format!("{from} {subject}"), &mail, received_at);
        Ok(Self { mail, document, truth })
    }

    fn question(&self) -> Question<'_> {
        Question { document: &self.document, mail: &self.mail, thread: &[] }
    }

    fn example(&self) -> Example<'_> {
        Example { document: &self.document, mail: &self.mail, truth: self.truth }
    }
}

/// What is taught: two projects by turns.
struct Class {
    projects: Vec<Project>,
}

impl Class {
    fn new() -> Result<Self, Broken> {
        let (tenant, owner) = (TenantId::derived(&[b"acme"]), UserId::derived(&[b"ann"]));
        let made = ["Harbour", "Library"].map(|name| {
            let project = Project::new(tenant, owner, name, DateTime::UNIX_EPOCH);
            project.map_err(|error| Broken::new(error.to_string()))
        });
        Ok(Self { projects: made.into_iter().collect::<Result<_, _>>()? })
    }

    /// Returns the mail that the harbour, or the library, gets on a day.
    fn lesson(&self, of: usize, number: usize) -> Result<Lesson, Broken> {
        let words = [
            ("ann@harbour.example", "Quay wall", "Cranes and piles for the quay."),
            ("bob@library.example", "Shelves", "Readers in quiet rooms."),
        ];
        Lesson::new(number, Truth::To(self.projects[of].id), words[of])
    }

    /// Teaches `count` mails of each project, from the day `first` on.
    fn teach(&self, model: &mut dyn Model, first: usize, count: usize) -> Outcome {
        for number in first..first + count {
            for of in 0..2 {
                model.learn(&self.lesson(of, number)?.example());
            }
        }
        Ok(())
    }

    fn taught(&self, learner: &World) -> Result<Box<dyn Model>, Broken> {
        let mut model = learner.fresh();
        self.teach(&mut *model, 0, TAUGHT)?;
        Ok(model)
    }

    /// Returns what a model says of mails that it has not met.
    fn said(&self, model: &dyn Model) -> Result<Vec<Option<Verdict>>, Broken> {
        let asked = (0..2).map(|of| {
            let lesson = self.lesson(of, TAUGHT * 3)?;
            Ok(model.predict(&lesson.question(), &self.projects))
        });
        asked.collect()
    }
}

async fn same(learner: World) -> Outcome {
    let class = Class::new()?;
    let mut kept = class.taught(&learner)?;
    let mut read = learner.import(&kept.export()?)?;
    for turn in 0..3 {
        check_equal(&class.said(&*read)?, &class.said(&*kept)?, "what it says after it was read")?;
        check(read.export()? == kept.export()?, "the model that was read is another one")?;
        for model in [&mut kept, &mut read] {
            class.teach(&mut **model, TAUGHT + turn * 5, 5)?;
        }
    }
    Ok(())
}

async fn refused(learner: World) -> Outcome {
    let whole = Class::new()?.taught(&learner)?.export()?;
    for bytes in [&b""[..], b"no model", &whole[..whole.len() / 2]] {
        let read = learner.import(bytes);
        check(read.is_err(), format_args!("{} bytes are taken for a model", bytes.len()))?;
    }
    Ok(())
}

async fn repeatable(learner: World) -> Outcome {
    let class = Class::new()?;
    let (one, other) = (class.taught(&learner)?, class.taught(&learner)?);
    check(one.export()? == other.export()?, "the same examples gave two models")?;
    check_equal(&class.said(&*one)?, &class.said(&*other)?, "what the same model says")
}

/// What `learn` says it would have said is what it said when it was asked.
async fn predicts_first(learner: World) -> Outcome {
    let class = Class::new()?;
    let mut model = class.taught(&learner)?;
    let said = model.predict(&class.lesson(0, TAUGHT)?.question(), &class.projects);
    let said = said.ok_or_else(|| Broken::new("a model that was taught says nothing"))?;
    // Ann's mail belongs to the library for once: whoever learns first would have known.
    let surprise = Lesson { truth: Truth::To(class.projects[1].id), ..class.lesson(0, TAUGHT)? };
    let guess = model.learn(&surprise.example());
    let want = Guess { choice: said.choice, confidence: said.confidence };
    check_equal(&guess, &Some(want), "what it would have said")
}

/// A document whose answer was corrected counts for its last answer only, and is judged once.
async fn again(learner: World) -> Outcome {
    let class = Class::new()?;
    let mut model = class.taught(&learner)?;
    let known = |model: &dyn Model| [0, 1].map(|of| model.known(class.projects[of].id));
    let before = known(&*model);
    check_equal(&before, &[20, 20], "how many mails of each project it knows")?;
    let corrected = Lesson { truth: Truth::To(class.projects[1].id), ..class.lesson(0, 3)? };
    check_equal(&model.learn(&corrected.example()), &None, "what is judged of a correction")?;
    check_equal(&known(&*model), &[19, 21], "how many mails of each project it knows")
}

async fn offered(learner: World) -> Outcome {
    let class = Class::new()?;
    let model = class.taught(&learner)?;
    for of in 0..2 {
        let (lesson, id) = (class.lesson(of, TAUGHT)?, class.projects[of].id);
        let choice = |candidates: &[Project]| {
            let verdict = model.predict(&lesson.question(), candidates);
            verdict.and_then(|verdict| verdict.choice)
        };
        check_equal(&choice(&class.projects), &Some(id), "the choice when all are offered")?;
        check(choice(&class.projects[1 - of..2 - of]) != Some(id), "it chose what is not offered")?;
        check_equal(&choice(&[]), &None, "the choice when nothing is offered")?;
    }
    Ok(())
}
