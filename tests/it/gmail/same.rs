//! One mailbox, read from files and read from Gmail: the same documents, with the same decisions.
use std::{
    collections::BTreeMap,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use besunny::{
    Besunny,
    core::{
        account::{Intake, NewAccount},
        adapter::Adapter,
        clock::Clock,
        document::Document,
        mail::Mail,
        repository::DocumentFilter,
        source::Subject,
        tenant::TenantScope,
    },
    local::{Form, LocalMail},
};
use besunny_simulator::Delivery;
use besunny_testkit::{clock::ManualClock, data, memory::MemoryRepository};
use tempfile::TempDir;

use super::stage::{Stage, found};

/// So many mails of each real mailbox are read within seconds without optimisation.
const FIRST: usize = 250;

/// Returns the real mailboxes that are there.
fn archives() -> Vec<PathBuf> {
    let sets = [
        "email_enron/farmer-d",
        "email_enron/kaminski-v",
        "email_enron/lokay-m",
        "email_spamassassin",
    ];
    sets.into_iter().filter_map(|set| data::find(&format!("{set}/messages.tar.gz"))).collect()
}

/// Reads the first mails of an archive.
fn first(archive: &Path) -> Vec<Vec<u8>> {
    let packed = std::fs::File::open(archive).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed));
    let members = archive.entries().unwrap().map(Result::unwrap);
    let mails = members.filter(|member| member.header().entry_type().is_file());
    mails
        .take(FIRST)
        .map(|mut member| {
            let mut raw = Vec::new();
            member.read_to_end(&mut raw).unwrap();
            raw
        })
        .collect()
}

/// What a document is, whatever the way it came: by its id, which follows from owner and content.
type Held = BTreeMap<String, (String, String, Mail, bool)>;

async fn held(besunny: &Besunny, scope: &TenantScope) -> Held {
    let (mut held, mut before) = (Held::new(), None);
    loop {
        let filter = DocumentFilter { before, limit: 200, ..DocumentFilter::default() };
        let page: Vec<Document> = besunny.store().documents(scope, &filter).await.unwrap();
        let Some(last) = page.last() else { return held };
        before = Some(last.id);
        for document in page {
            let content = besunny.store().content(scope, document.id).await.unwrap().unwrap();
            let facts = (
                document.title.expose().clone(),
                format!("{:?}", document.state),
                content.mail,
                document.removed_at.is_some(),
            );
            held.insert(document.id.to_string(), facts);
        }
    }
}

/// Reads a folder of these mails.
async fn from_files(mails: &[Vec<u8>]) -> Held {
    let folder = TempDir::new().unwrap();
    for (number, raw) in mails.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{number:06}.eml")), raw).unwrap();
    }
    let clock = Arc::new(ManualClock::default());
    let time: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
    let besunny = Besunny::builder(MemoryRepository::new(Arc::clone(&time)))
        .mail(Form::Eml.provider(), Adapter::new(LocalMail::new(Form::Eml)))
        .clock(time)
        .build();
    let (scope, owner) = found(&besunny, &clock).await;
    let subject = Subject::from_source(folder.path().to_str().unwrap());
    let provider = Form::Eml.provider();
    let grant = NewAccount { owner, provider, subject, intake: Intake::Whole };
    besunny.connect(&scope, grant).await.unwrap();
    besunny.run_until_idle().await;
    held(&besunny, &scope).await
}

/// Reads them from Gmail.
async fn from_gmail(mails: &[Vec<u8>]) -> Held {
    let stage = Stage::new(|config| {
        config.settings.quota.metering = besunny_simulator::Metering::Off;
    })
    .await;
    for raw in mails {
        stage.ann().deliver(raw.clone(), &Delivery::default()).unwrap();
    }
    let account = stage.connect(Intake::Whole).await;
    stage.work().await;
    assert!(stage.verify(&account).await.is_complete());
    held(&stage.besunny, &stage.scope).await
}

/// MAIL-7, MAIL-18: what a mail is does not depend on the way it came.
#[tokio::test]
async fn real_mail_is_the_same_from_gmail_and_from_files() {
    for archive in archives() {
        let mails = first(&archive);
        let (files, gmail) = (from_files(&mails).await, from_gmail(&mails).await);
        let name = archive.display();
        assert_eq!(gmail.len(), files.len(), "{name}");
        for (id, want) in &files {
            assert!(gmail.get(id) == Some(want), "{name}: document {id} differs");
        }
        println!("{name}: {} mails, {} documents", mails.len(), files.len());
    }
}
