//! Messages from files.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use besunny_simulator::{Config, Delivery, Metering};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::scene::{ANN, Scene, mail};
use crate::shapes::data;

/// A folder of its own for a test, empty at the start.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
        _ => fs::create_dir_all(&folder).unwrap(),
    }
    folder
}

fn check(scene: &Scene, path: &std::path::Path, expected: &[String]) {
    let mailbox = scene.ann();
    let before = mailbox.message_ids().len();
    assert_eq!(mailbox.load(path, &Delivery::default()).unwrap(), expected.len());
    let ids = mailbox.message_ids();
    assert_eq!(ids.len() - before, expected.len());
    let mut found: Vec<_> = ids
        .iter()
        .map(|id| String::from_utf8(mailbox.raw(id).unwrap().to_vec()).unwrap())
        .filter(|raw| expected.contains(raw))
        .collect();
    found.sort();
    found.dedup();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn every_form_of_file_is_read() {
    let scene = Scene::new().await;
    let folder = folder("forms");
    let [one, two, three] = ["a one", "b two", "c three"].map(mail);
    fs::write(folder.join("single"), &one).unwrap();
    check(&scene, &folder.join("single"), std::slice::from_ref(&one));
    let mbox = format!("From x\n{one}\nFrom y\n{two}\n");
    fs::write(folder.join("two.mbox"), mbox).unwrap();
    check(&scene, &folder.join("two.mbox"), &[one.clone(), two.clone()]);
    let emls = folder.join("emls");
    fs::create_dir(&emls).unwrap();
    fs::write(emls.join("2.EML"), &two).unwrap();
    fs::write(emls.join("3.eml"), &three).unwrap();
    fs::write(emls.join("notes.txt"), "not a message").unwrap();
    check(&scene, &emls, &[two.clone(), three.clone()]);
    let archive = folder.join("all.tar.gz");
    let packed = GzEncoder::new(fs::File::create(&archive).unwrap(), Compression::fast());
    let mut packed = tar::Builder::new(packed);
    for (name, raw) in [("in/1", &one), ("in/2", &two), ("in/3", &three)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(raw.len() as u64);
        header.set_cksum();
        packed.append_data(&mut header, name, raw.as_bytes()).unwrap();
    }
    packed.into_inner().unwrap().finish().unwrap().flush().unwrap();
    check(&scene, &archive, &[one, two, three]);
    assert!(scene.ann().load(&folder.join("none"), &Delivery::default()).is_err());
}

#[tokio::test]
async fn real_archives_are_read_and_served_whole() {
    let Some(data) = data() else { return };
    let scene = Scene::with(|config: &mut Config| {
        config.settings.quota.metering = Metering::Off;
    })
    .await;
    let archive = data.join("email_rlists/messages.tar.gz");
    let count = scene.ann().load(&archive, &Delivery::default()).unwrap();
    assert_eq!(count, 1355);
    for id in scene.ann().message_ids().iter().step_by(50) {
        for format in ["full", "metadata", "raw"] {
            scene.get(&format!("messages/{id}?format={format}")).await.good();
        }
    }
    assert_eq!(scene.get("profile").await.good()["emailAddress"], ANN);
}
