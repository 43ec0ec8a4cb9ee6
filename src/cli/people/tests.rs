use super::*;
use crate::store::Memory;

const ALL: Heeds = Heeds {
    back: true,
    stay: true,
};

/// Somebody at a terminal, and what types there.
fn present() -> (Present, impl Fn(&str)) {
    let (present, send) = sent();
    let types = move |line: &str| {
        let (line, at) = (Some(line.to_owned()), Instant::now());
        assert!(send.send(Typed { line, at }).is_ok());
    };
    (present, types)
}

/// The same, with all that can be typed.
fn sent() -> (Present, mpsc::UnboundedSender<Typed>) {
    let (send, receive) = mpsc::unbounded_channel();
    let present = Present {
        store: Arc::new(Memory::new()),
        clock: Clock::following_tokio("2026-11-22T03:00:00Z".parse().unwrap()),
        run: "r1".into(),
        by: "ops@here".into(),
        process: Holder::this_process(),
        born: "2026-11-22T03:00:00Z"
            .parse()
            .map(|wall| Clock::following_tokio(wall).now())
            .unwrap(),
        typed: Some(AsyncMutex::new(receive)),
        yes: false,
        invites: false,
        caught_up: Arc::new(|| {}),
        unread: Mutex::default(),
    };
    (present, send)
}

#[tokio::test(start_paused = true)]
async fn what_was_typed_before_a_question_is_no_answer_to_it() {
    let (present, types) = present();
    types("b");
    let later = async {
        for line in ["what?", "s"] {
            tokio::time::sleep(Duration::from_millis(100)).await;
            types(line);
        }
    };
    let (told, ()) = tokio::join!(present.decide(Hold::Failed, false), later);
    assert_eq!(told, Told::here(Decision::Stop, "ops@here"));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_input_is_the_answer_that_changes_nothing() {
    let (present, send) = sent();
    let later = || async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let (line, at) = (None, Instant::now());
        assert!(send.send(Typed { line, at }).is_ok());
    };
    let plan = crate::fake::plan(crate::plan::Mode::Failover, "kc");
    let approve = present.approve(&plan.entries[0], "go?");
    let ((yes, by), ()) = tokio::join!(approve, later());
    assert_eq!((yes, by.as_str()), (Some(false), "ops@here (end of input)"));
    for hold in [Hold::Failed, Hold::Foreign, Hold::OldSideSick] {
        let (told, ()) = tokio::join!(present.decide(hold, false), later());
        assert_eq!(told.decision, Decision::Stop, "{hold:?}");
    }
    let stays = tokio::time::timeout(Duration::from_secs(60), present.end_stay(true));
    let (stays, ()) = tokio::join!(stays, later());
    assert!(stays.is_err());
}

#[tokio::test(start_paused = true)]
async fn where_the_terminal_is_gone_nobody_answers() {
    let (present, send) = sent();
    drop(send);
    let plan = crate::fake::plan(crate::plan::Mode::Failover, "kc");
    let soon = Duration::from_secs(1);
    let approved = tokio::time::timeout(soon, present.approve(&plan.entries[0], "go?"));
    assert_eq!(approved.await.unwrap(), (None, GONE.to_owned()));
    for may_remain in [false, true] {
        let told = tokio::time::timeout(soon, present.decide(Hold::OldSideSick, may_remain));
        assert_eq!(told.await.unwrap(), Told::here(Decision::Stop, GONE));
    }
    // A drill still comes back when its time is over.
    let stays = tokio::time::timeout(Duration::from_secs(60), present.end_stay(true));
    assert!(stays.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_impatient_enter_does_not_end_a_hold_that_begins_later() {
    let (present, types) = present();
    types("");
    tokio::time::advance(Duration::from_secs(5)).await;
    let soon = tokio::time::timeout(Duration::from_secs(60), present.end_stay(true));
    assert!(soon.await.is_err());
    types("");
    assert_eq!(present.end_stay(true).await.decision, Decision::On);
}

async fn leaves(present: &Present, decision: Decision) {
    let at = present.clock.now();
    let (anyway, to) = (false, Some(Holder::this_process()));
    says(
        present,
        Message {
            decision,
            anyway,
            to,
            at,
        },
    )
    .await;
}

async fn says(present: &Present, message: Message) {
    let message = message.to_bytes();
    present.store.send("r1", message).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_at_another_terminal_accepts_what_is_not_there_yet() {
    let (present, _types) = present();
    present.store.create("r1", Vec::new()).await.unwrap();
    let minute = Duration::from_secs(60);
    for early in [Decision::On, Decision::Again] {
        leaves(&present, early).await;
        tokio::time::advance(minute).await;
        let decided = tokio::time::timeout(minute, present.decide(Hold::Foreign, false));
        assert!(decided.await.is_err(), "{early:?}");
    }
    let later = async {
        tokio::time::sleep(minute).await;
        leaves(&present, Decision::On).await;
    };
    let (told, ()) = tokio::join!(present.decide(Hold::Foreign, false), later);
    assert_eq!(told.decision, Decision::On);
    // Whoever asked to put it back means it whatever comes.
    leaves(&present, Decision::Again).await;
    leaves(&present, Decision::Back).await;
    tokio::time::advance(minute).await;
    assert_eq!(
        present.decide(Hold::Late, false).await.decision,
        Decision::Back
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_to_go_on_neither_approves_nor_declines() {
    let (present, _types) = present();
    present.store.create("r1", Vec::new()).await.unwrap();
    let plan = crate::fake::plan(crate::plan::Mode::Failover, "kc");
    let later = async {
        for decision in [Decision::Again, Decision::On] {
            tokio::time::sleep(Duration::from_secs(5)).await;
            leaves(&present, decision).await;
        }
    };
    let approve = present.approve(&plan.entries[0], "go?");
    let ((yes, _), ()) = tokio::join!(approve, later);
    assert_eq!(yes, Some(true));
}

#[tokio::test(start_paused = true)]
async fn only_anyway_answers_what_a_plain_rollback_cannot_know_of() {
    for hold in ANYWAY {
        let (present, _types) = present();
        present.store.create("r1", Vec::new()).await.unwrap();
        let minute = Duration::from_secs(60);
        // Before the question and while it stands, once and again.
        leaves(&present, Decision::Back).await;
        let plainly = async {
            for _ in 0..2 {
                tokio::time::sleep(Duration::from_secs(5)).await;
                leaves(&present, Decision::Back).await;
            }
        };
        let decided = tokio::time::timeout(minute, present.decide(hold, false));
        let (decided, ()) = tokio::join!(decided, plainly);
        assert!(decided.is_err(), "{hold:?}");
        let at = present.clock.now();
        let anyway = Message {
            decision: Decision::Back,
            anyway: true,
            to: Some(Holder::this_process()),
            at,
        };
        says(&present, anyway).await;
        let told = present.decide(hold, false).await;
        assert_eq!((told.decision, told.anyway), (Decision::Back, true));
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_said_to_a_process_that_ended_is_no_answer() {
    let (present, _types) = present();
    present.store.create("r1", Vec::new()).await.unwrap();
    for anyway in [false, true] {
        let at = present.clock.now();
        let to = Some(Holder {
            started: 1,
            ..Holder::this_process()
        });
        let decision = Decision::Back;
        let stale = Message {
            decision,
            anyway,
            to,
            at,
        };
        says(&present, stale).await;
    }
    assert_eq!(present.said(ALL).await, None);
    let minute = Duration::from_secs(60);
    assert!(
        tokio::time::timeout(minute, present.hears(ALL))
            .await
            .is_err()
    );
    assert!(
        tokio::time::timeout(minute, present.decide(Hold::Late, false))
            .await
            .is_err()
    );
    leaves(&present, Decision::Back).await;
    present.hears(ALL).await;
    let told = present.said(ALL).await;
    assert_eq!(told.map(|told| told.decision), Some(Decision::Back));
    assert_eq!(present.said(ALL).await, None);
}

#[test]
fn users_are_led_to_a_side_that_does_not_serve_by_a_word_and_not_by_a_letter() {
    for line in ["b", "back", "g", "go on", ""] {
        assert_eq!(answer(Hold::OldSideSick, false, line), None, "{line}");
    }
    let said = |line| answer(Hold::OldSideSick, false, line);
    assert_eq!(said(" Anyway "), Some(Decision::Back));
    assert_eq!(said("a"), Some(Decision::Again));
    assert_eq!(said("s"), Some(Decision::Stop));
    assert!(ways_on(Hold::OldSideSick, false).contains("`anyway`"));
    // Elsewhere the letters are what they were.
    assert_eq!(answer(Hold::Failed, false, "b"), Some(Decision::Back));
    assert_eq!(answer(Hold::NotAsBefore, false, "g"), Some(Decision::On));
    assert_eq!(answer(Hold::Failed, false, "anyway"), None);
}

#[test]
fn that_a_run_remains_is_said_by_a_word_where_it_can_be() {
    for hold in [Hold::OldSideSick, Hold::Failed, Hold::Late] {
        assert!(ways_on(hold, true).contains("`stay`"));
        assert_eq!(answer(hold, true, " Stay "), Some(Decision::Stay));
        assert!(!ways_on(hold, false).contains("`stay`"));
        assert_eq!(answer(hold, false, "stay"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_word_that_a_drill_remains_ends_its_stay_as_that_and_no_unknown_one_does() {
    let minute = Duration::from_secs(60);
    for (may_remain, line, ends) in [
        (true, "stay", Some(Decision::Stay)),
        (true, " STAY ", Some(Decision::Stay)),
        (false, "stay", None),
        (true, "what?", None),
        (true, "", Some(Decision::On)),
        (false, "g", Some(Decision::On)),
        (false, "b", Some(Decision::Back)),
        (false, "s", Some(Decision::Stop)),
    ] {
        let (present, types) = present();
        types(line);
        let told = tokio::time::timeout(minute, present.end_stay(may_remain)).await;
        let told = told.ok().map(|told| told.decision);
        assert_eq!(told, ends, "{may_remain} {line:?}");
    }
    for may_remain in [true, false] {
        let (present, _types) = present();
        present.store.create("r1", Vec::new()).await.unwrap();
        leaves(&present, Decision::Stay).await;
        let told = tokio::time::timeout(minute, present.end_stay(may_remain)).await;
        let told = told.ok().map(|told| told.decision);
        assert_eq!(told, may_remain.then_some(Decision::Stay));
    }
}

#[tokio::test(start_paused = true)]
async fn a_word_that_a_run_remains_is_heard_unasked_where_it_is_heeded_and_approves_nothing() {
    let (present, _types) = present();
    present.store.create("r1", Vec::new()).await.unwrap();
    leaves(&present, Decision::Stay).await;
    let minute = Duration::from_secs(60);
    let plan = crate::fake::plan(crate::plan::Mode::Drill, "kc");
    let approved = tokio::time::timeout(minute, present.approve(&plan.entries[0], "go?"));
    assert!(approved.await.is_err());
    let back = Heeds { stay: false, ..ALL };
    assert!(
        tokio::time::timeout(minute, present.hears(back))
            .await
            .is_err()
    );
    assert_eq!(present.said(back).await, None);
    present.hears(ALL).await;
    let told = present.said(ALL).await;
    assert_eq!(told.map(|told| told.decision), Some(Decision::Stay));
    assert_eq!(present.said(ALL).await, None);
    // Who wants everything put back counts before whoever wants it to remain.
    leaves(&present, Decision::Stay).await;
    leaves(&present, Decision::Back).await;
    let told = present.said(ALL).await;
    assert_eq!(told.map(|told| told.decision), Some(Decision::Back));
    assert_eq!(present.said(ALL).await, None);
}

#[tokio::test(start_paused = true)]
async fn from_elsewhere_too_only_anyway_leads_to_a_side_that_does_not_serve() {
    let (present, _types) = present();
    present.store.create("r1", Vec::new()).await.unwrap();
    let minute = Duration::from_secs(60);
    leaves(&present, Decision::On).await;
    let told = tokio::time::timeout(minute, present.decide(Hold::OldSideSick, true));
    assert!(told.await.is_err());
    leaves(&present, Decision::Stay).await;
    let told = tokio::time::timeout(minute, present.decide(Hold::OldSideSick, false));
    assert!(told.await.is_err());
    leaves(&present, Decision::Stay).await;
    let told = present.decide(Hold::OldSideSick, true).await;
    assert_eq!(told.decision, Decision::Stay);
}
