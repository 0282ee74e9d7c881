//! Folders that change while they are listed, and archives of every shape.

use std::{cell::RefCell, io::Write, path::PathBuf};

use flate2::{Compression, write::GzEncoder};
use tar::{Builder, Header};

use super::*;
use crate::index::{DEPTH, unless_gone};

fn mail(number: usize) -> Vec<u8> {
    format!("Subject: {number}\n\n{}\n", "x".repeat(number * 90)).into_bytes()
}

fn added(archive: &mut Builder<Vec<u8>>, name: &str, kind: EntryType, data: &[u8]) {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(u64::try_from(data.len()).unwrap());
    archive.append_data(&mut header, name, data).unwrap();
}

/// Packs so many mails.
fn packed(count: usize) -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    for number in 0..count {
        added(&mut archive, &format!("{number}.eml"), EntryType::Regular, &mail(number));
    }
    archive.into_inner().unwrap()
}

fn zipped(plain: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(plain).unwrap();
    gzip.finish().unwrap()
}

/// Lists an archive of these bytes.
fn listed_archive(bytes: &[u8]) -> io::Result<Index> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), bytes).unwrap();
    index(file.path())
}

fn check(what: &str, bytes: &[u8], want: Result<usize, io::ErrorKind>) {
    let got = listed_archive(bytes);
    let count = got.as_ref().map(|index| index.mails.len()).map_err(io::Error::kind);
    assert_eq!(count, want, "{what}: {got:?}");
    if let Ok(index) = &got {
        for mail in &index.mails {
            assert!(index.read(mail).unwrap().is_some(), "{what}: {mail:?}");
        }
    }
}

#[test]
fn gzip_data_of_several_members_is_read_to_its_end() {
    let plain = packed(10);
    for at in [4096, 4000] {
        let halves = [zipped(&plain[..at]), zipped(&plain[at..])].concat();
        check("two members", &halves, Ok(10));
        check("zeros behind", &[&halves[..], &[0; 700]].concat(), Ok(10));
        check("zeros between", &[zipped(&plain), vec![0; 20], zipped(&packed(3))].concat(), Ok(13));
        check(
            "junk behind",
            &[&halves[..], b"junk that is no member"].concat(),
            Err(io::ErrorKind::InvalidInput),
        );
        let cut = &halves[..halves.len() - 20];
        check("cut off", cut, Err(io::ErrorKind::UnexpectedEof));
    }
}

#[test]
fn an_archive_without_its_end_mark_is_cut_off() {
    let plain = packed(10);
    let end = plain.len() - usize::try_from(END_MARK).unwrap();
    check("whole", &plain, Ok(10));
    check("joined", &[&plain[..], &packed(2)].concat(), Ok(12));
    check("no mail, but an end", &plain[end..], Ok(0));
    for cut in [0, 512, 2048, 4096, end, end + 512, end + 700] {
        let got = listed_archive(&plain[..cut]).map(|index| index.mails.len());
        assert!(got.is_err(), "{cut}: {got:?}");
    }
}

#[test]
fn members_of_any_kind_that_carry_data_are_listed() {
    let mut archive = Builder::new(Vec::new());
    added(&mut archive, "a", EntryType::Regular, &mail(1));
    added(&mut archive, "b", EntryType::Continuous, &mail(2));
    added(&mut archive, "c", EntryType::new(b'V'), &mail(3));
    added(&mut archive, "d", EntryType::Directory, b"");
    let mut sparse = Header::new_gnu();
    sparse.set_entry_type(EntryType::GNUSparse);
    sparse.set_size(0);
    sparse.as_gnu_mut().unwrap().realsize = *b"00000000000\0";
    archive.append_data(&mut sparse, "e", io::empty()).unwrap();
    let index = listed_archive(&archive.into_inner().unwrap()).unwrap();
    let is_read = |mail: &Indexed| match index.read(mail).unwrap().unwrap() {
        index::Content::Mail(_) => true,
        index::Content::Unreadable(_) => false,
    };
    let read: Vec<bool> = index.mails.iter().map(is_read).collect();
    assert_eq!(read, [true, true, false, false]);
}

#[test]
fn mails_that_change_places_while_a_folder_is_listed_are_all_listed() {
    // Each file and the mail in it; while the second is hashed, the two change places.
    for swap_at in 1..=4 {
        let disk = RefCell::new([("1", 1), ("2", 2)]);
        let reads = RefCell::new(0);
        let files = || {
            let seen = disk.borrow().map(|(name, mail)| (PathBuf::from(name), mail.to_string()));
            Ok(seen.to_vec())
        };
        let hash_of = |path: &Path| {
            *reads.borrow_mut() += 1;
            if *reads.borrow() == swap_at {
                *disk.borrow_mut() = [("1", 2), ("2", 1)];
            }
            let disk = disk.borrow();
            let mail = disk.iter().find(|(name, _)| Path::new(name) == path).map(|(_, mail)| mail);
            Ok(mail.map(|mail| content_hash(&[*mail])))
        };
        let ids: Vec<_> =
            listed(files, hash_of).unwrap().mails.into_iter().map(|mail| mail.id).collect();
        let mut names = Names::default();
        let want = [names.next(content_hash(&[1])), names.next(content_hash(&[2]))];
        assert!(want.iter().all(|id| ids.contains(id)), "{swap_at}: {ids:?}");
    }
}

#[test]
fn a_folder_that_never_rests_is_not_listed() {
    let count = RefCell::new(0);
    let files = || {
        *count.borrow_mut() += 1;
        Ok(vec![(PathBuf::from("1"), count.borrow().to_string())])
    };
    let error = listed(files, |_| Ok(Some([0; 32]))).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
}

#[test]
fn a_mail_is_read_only_from_the_file_that_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("1.eml"), mail(1)).unwrap();
    fs::write(path("2.eml"), mail(2)).unwrap();
    let index = index(folder.path()).unwrap();
    fs::rename(path("1.eml"), path("2.eml")).unwrap();
    assert!(index.mails.iter().all(|mail| index.read(mail).unwrap().is_none()));
}

#[test]
fn folders_are_entered_deep_and_deeper_ones_refused() {
    let root = tempfile::tempdir().unwrap();
    let mut folder = root.path().to_path_buf();
    for _ in 0..DEPTH {
        folder.push("f");
    }
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("1.eml"), mail(1)).unwrap();
    assert_eq!(index(root.path()).unwrap().mails.len(), 1);
    fs::create_dir(folder.join("f")).unwrap();
    assert_eq!(index(root.path()).unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[cfg(unix)]
#[test]
fn links_to_files_are_followed_and_dead_ones_passed_over() {
    use std::os::unix::fs::symlink;
    let root = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::NamedTempFile::new().unwrap();
    fs::write(elsewhere.path(), mail(1)).unwrap();
    symlink(elsewhere.path(), root.path().join("1.eml")).unwrap();
    symlink("nowhere", root.path().join("2.eml")).unwrap();
    symlink("3.eml", root.path().join("3.eml")).unwrap();
    symlink(root.path(), root.path().join("4.eml")).unwrap();
    let index = index(root.path()).unwrap();
    assert_eq!(index.mails.len(), 1);
    assert!(index.read(&index.mails[0]).unwrap().is_some());
}

#[test]
fn only_the_folder_itself_must_be_there() {
    let root = tempfile::tempdir().unwrap();
    let gone = root.path().join("gone");
    assert_eq!(look(&gone).unwrap_err().kind(), io::ErrorKind::NotFound);
    assert!(unless_gone(fs::read_dir(&gone)).unwrap().is_none());
    let index = listed(|| Ok(vec![(gone.clone(), String::new())]), hash_of).unwrap();
    assert!(index.mails.is_empty());
}
