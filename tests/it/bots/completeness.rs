//! Whether what was said is all there: by the provider's word, and by its length.
use std::{sync::Arc, time::Duration};

use besunny_core::{
    adapter::BotAdapter,
    clock::Clock,
    posting::{Completeness, Posting},
    repository::DocumentFilter,
    worker::Worker,
};
use besunny_testkit::conformance::bot::Scene as Act;

use super::{Room, says};
use crate::scene::{MakeStore, in_a_file, in_memory};

impl Room {
    /// An engine that is told who came and went.
    fn seeing(&self) -> Worker {
        let adapter = BotAdapter::new(self.bots.clone()).with_presence(self.bots.clone());
        self.engine(Arc::clone(&self.scene.store), adapter)
    }

    async fn watch_until(&self, minutes: i64) {
        while self.scene.clock.now() < self.at(minutes) {
            self.scene.clock.advance(Duration::from_secs(30));
            self.seeing().run_until_idle().await;
        }
    }

    /// Lets a call of 40 minutes take place with these people, in which the last word is said at a minute.
    pub(super) async fn call(&self, people: &[&'static str], last_word: i64) -> String {
        self.put(&self.meeting("ann", "one", 60), |meeting| meeting.ends_at = self.at(100)).await;
        self.watch_until(59).await;
        let bot = self.only();
        self.stage.play(&bot, Act::LetIn);
        for name in people {
            self.stage.play(&bot, Act::Comes(name));
        }
        self.stage.play(&bot, says("First."));
        self.watch_until(last_word).await;
        self.stage.play(&bot, says("Last."));
        self.watch_until(100).await;
        self.stage.play(&bot, Act::Ends);
        self.stage.play(&bot, Act::Prepared);
        bot
    }

    /// Reads what the document says of its completeness.
    async fn recorded(&self) -> serde_json::Value {
        let store = &self.scene.store;
        let filter = DocumentFilter { limit: 1, ..DocumentFilter::default() };
        let documents = store.documents(&self.scene.scope, &filter).await.unwrap();
        let content = store.content(&self.scene.scope, documents[0].id).await.unwrap().unwrap();
        let blob = store.blob(&self.scene.scope, &content.raw).await.unwrap().unwrap();
        let record: serde_json::Value = serde_json::from_slice(&blob).unwrap();
        record["completeness"].clone()
    }
}

#[tokio::test]
async fn bot_12_a_transcript_that_covers_little_of_the_call_is_called_short() {
    use Completeness::{Complete, Short};
    let rows: [(&[&'static str], i64, Completeness, &str); 4] = [
        (&["Ada", "Bo"], 95, Complete, "complete"),
        (&["Ada", "Bo"], 65, Short, "short"),
        (&[], 65, Short, "short"),
        (&["Ada"], 65, Complete, "complete"),
    ];
    for (people, last_word, want, stored) in rows {
        let room = Room::new(in_memory).await;
        room.call(people, last_word).await;
        room.watch_until(240).await;
        let posting = room.posting().await;
        assert!(posting.is_over());
        assert_eq!(posting.completeness(), Some(want), "{people:?} {:?}", posting.seen);
        assert_eq!(room.recorded().await, stored, "{people:?} {last_word}");
    }
}

#[tokio::test]
async fn bot_12_a_short_transcript_is_read_whole_again_once() {
    for make in [in_memory as MakeStore, in_a_file] {
        let room = Room::new(make).await;
        let bot = room.call(&["Ada", "Bo"], 65).await;
        let read_anew = async || room.posting().await.seen.read_anew_at;
        room.watch_until(120).await;
        assert_eq!(room.posting().await.completeness(), Some(Completeness::Short));
        room.stage.slip(&bot, "This was overlooked.");
        room.watch_until(125).await;
        assert_eq!(read_anew().await, None, "there is time for what only comes late");
        room.watch_until(135).await;
        let at = read_anew().await;
        assert!(at.is_some());
        let texts = room.transcripts().await;
        assert!(texts[0].ends_with("Ada: This was overlooked.\n"), "{texts:?}");
        room.watch_until(240).await;
        assert_eq!(read_anew().await, at, "once is enough");
        let posting: Posting = room.posting().await;
        assert_eq!(posting.completeness(), Some(Completeness::Complete));
    }
}
