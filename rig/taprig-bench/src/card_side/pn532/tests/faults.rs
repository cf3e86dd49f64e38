//! What the driver does when module, cable or field fail.

use super::*;

/// A tap from the start of the chip to the removal of the card.
async fn tap(module: &Module) -> Result<Vec<What>, LinkError> {
    let mut side = module.open(Settings::default());
    side.starts(Start::PoweredOn, LIMIT).await?;
    side.identify().await?;
    present(&mut side).await;
    let reader = module.reads(|reader| {
        reader.activate();
        let heard = [reader.transmit(&[0x00, 0xA4, 0x04, 0x00]), reader.transmit(&[0x00, 0xB2])];
        reader.deselect();
        heard
    });
    let (heard, mut notes) = serve(&mut side, reader).await?;
    assert_eq!(heard, [Some(respond(&[0x00, 0xA4, 0x04, 0x00])), Some(respond(&[0x00, 0xB2]))]);
    // The chip confirms S(DESELECT) by itself, while the driver may still be busy with a lost frame.
    let released = |what: &What| matches!(what, What::Released(_));
    if !notes.iter().any(released) {
        notes.extend(until(&mut side, released).await?);
    }
    side.remove().await?;
    notes.extend(until(&mut side, |what| matches!(what, What::Removed(_))).await?);
    Ok(notes)
}

/// Every command of a tap, and the last one of those that come more than once.
const COMMANDS: [&str; 9] = ["14.1", "02.1", "12.1", "8c.1", "86.1", "8e.1", "86.2", "8e.2", "52.1"];

fn each_command(fault: &str) {
    let undisturbed = run(tap(&Module::with(&[])));
    for at in COMMANDS {
        let fault = format!("{fault}@{at}");
        let notes = run(tap(&Module::with(&[&fault])));
        let notes = notes.unwrap_or_else(|error| panic!("{fault}: {error}"));
        assert_eq!(notes, *undisturbed.as_ref().unwrap(), "{fault}");
    }
}

#[test]
fn foreign_bytes_between_frames_change_nothing() {
    each_command("garbage");
}

#[test]
fn a_lost_ack_changes_nothing() {
    each_command("lost-ack");
}

#[test]
fn a_lost_command_is_sent_again() {
    each_command("lost-command");
}

#[test]
fn a_damaged_reply_is_asked_for_again() {
    each_command("damaged");
}

#[test]
fn a_reply_that_lacks_a_byte_is_asked_for_again() {
    each_command("torn");
}

#[test]
fn a_lost_ack_of_a_damaged_reply_changes_nothing() {
    // Both happen to the same command, so the model plays them one after the other.
    let module = Module::with(&["lost-ack@86.1", "damaged@86.2", "torn@8e.1", "lost-command@8e.2"]);
    run(tap(&module)).unwrap();
}

#[test]
fn a_module_that_is_unplugged_is_gone() {
    for at in COMMANDS {
        let fault = format!("unplug@{at}");
        match run(tap(&Module::with(&[&fault]))) {
            Err(error @ LinkError::Gone { .. }) => assert!(error.to_string().contains("/dev/pts/"), "{error}"),
            other => panic!("{fault}: {other:?}"),
        }
    }
}

#[test]
fn a_module_that_is_unplugged_while_nobody_asks_is_gone() {
    run(async {
        let module = Module::new(Options::default());
        let mut side = module.started(Settings::default()).await;
        present(&mut side).await;
        drop(module);
        let error = side.idle(Instant::now() + LIMIT).await.unwrap_err();
        assert!(matches!(error, LinkError::Gone { .. }), "{error}");
        // What comes after is an error, too, and does not wait.
        assert!(side.remove().await.is_err());
        assert!(side.note(Instant::now() + LIMIT).await.is_err());
        Box::new(side).close().await;
    });
}

#[test]
fn an_error_frame_and_a_wrong_state_are_errors_of_the_rig() {
    for at in COMMANDS {
        match run(tap(&Module::with(&[&format!("error-frame@{at}")]))) {
            Err(error @ LinkError::Refused { .. }) => assert!(error.to_string().contains("error frame"), "{error}"),
            other => panic!("{at}: {other:?}"),
        }
    }
    for at in ["86.1", "8e.1", "86.2", "8e.2"] {
        for status in ["25", "26", "27", "10"] {
            match run(tap(&Module::with(&[&format!("status-{status}@{at}")]))) {
                Err(LinkError::Refused { why, .. }) => assert!(why.starts_with(&format!("status {status}: ")), "{why}"),
                other => panic!("{status} at {at}: {other:?}"),
            }
        }
    }
}

#[test]
fn damaged_frames_on_the_air_are_told_and_the_card_stays_silent() {
    for status in ["02", "03", "05", "0b"] {
        let notes = run(tap(&Module::with(&[&format!("status-{status}@86.2")]))).unwrap();
        let told = |what: &What| matches!(what, What::Trouble(text) if text.contains("on the air"));
        assert_eq!(notes.iter().filter(|what| told(what)).count(), 1, "{notes:?}");
    }
}

#[test]
fn a_chip_that_reports_nothing_else_is_given_up() {
    let faults: Vec<_> = (1..=101).map(|nth| format!("status-02@86.{nth}")).collect();
    let faults: Vec<_> = faults.iter().map(String::as_str).collect();
    match run(tap(&Module::with(&faults))) {
        Err(LinkError::Refused { why, .. }) => assert!(why.contains("wrong CRC"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_field_that_is_lost_at_any_step_is_told_and_the_card_is_there_again() {
    for (status, how) in
        [("29", Release::Deselected), ("2b", Release::FieldOff), ("0a", Release::FieldOff), ("31", Release::FieldOff)]
    {
        for at in ["86.1", "8e.1", "86.2", "8e.2"] {
            run(async {
                let module = Module::with(&[&format!("field-loss-{status}@{at}")]);
                let mut side = module.started(Settings::default()).await;
                present(&mut side).await;
                let reader = module.reads(|reader| {
                    reader.activate();
                    let lost = (0..2).any(|_| reader.transmit(&[0x00, 0xA4]).is_none());
                    reader.reset_field();
                    reader.activate();
                    transmit_all(reader);
                    lost
                });
                let (lost, notes) = serve(&mut side, reader).await.unwrap();
                assert!(lost, "{status} at {at}");
                let released: Vec<_> = notes.iter().filter(|what| matches!(what, What::Released(_))).collect();
                assert_eq!(released[0], &What::Released(how), "{status} at {at}: {notes:?}");
                let field_off = notes.contains(&What::Field { on: false });
                assert!(field_off || how == Release::Deselected, "{status} at {at}: {notes:?}");
                assert!(commands(&notes).ends_with(&apdus()));
                removed(&mut side).await;
            });
        }
    }
}
