//! probe-rs on the real emulator: attach, flash, debug, and every injected fault.

use crate::common::{Bench, COUNTER, Console, LONG, LOOP, commit, image, large_image, text};
use probe_rs::{
    CoreStatus, HaltReason, MemoryInterface, VectorCatchCondition,
    flashing::FlashError,
    probe::{DebugProbeSelector, list::Lister},
};
use probe_rs_qemu::{
    Faults, Machine, QemuLister,
    probe::{Entry, FACTORY, FaultHandle},
};
use std::time::Instant;

#[test]
fn a_blank_board_is_flashed_and_runs() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let standby = bench.prepare();
    assert!(standby.is_blank());
    let console = Console::open(standby.serial());
    let board = standby.start().unwrap();
    let mut session = bench.attach(&board, &FaultHandle::default()).unwrap();
    assert_eq!(session.core(0).unwrap().status().unwrap(), CoreStatus::LockedUp);
    commit(&mut session, bench.spec.machine, &large_image(b'A', 20_000)).unwrap();
    session.core(0).unwrap().reset().unwrap();
    assert_eq!(console.line(), "A1");
    // Another image over the first.
    commit(&mut session, bench.spec.machine, &image(b'B')).unwrap();
    session.core(0).unwrap().reset().unwrap();
    assert_eq!(console.line(), "B2");
    assert_eq!(board.exited(), None);
}

#[test]
fn the_other_machine_is_flashed_by_the_probe() {
    let Some(bench) = Bench::new(Machine::NetduinoPlus2) else { return };
    let board = bench.prepare().start().unwrap();
    let mut session = bench.attach(&board, &FaultHandle::default()).unwrap();
    // Only the loop: there is no such UART here. The reset vector is made to lead to where RAM's address is loaded.
    let mut image = large_image(b'A', 100_000);
    image[4..8].copy_from_slice(&0x0800_006B_u32.to_le_bytes());
    commit(&mut session, bench.spec.machine, &image).unwrap();
    commit(&mut session, bench.spec.machine, &image).unwrap();
    let mut core = session.core(0).unwrap();
    core.reset().unwrap();
    core.set_hw_breakpoint(0x0800_0000 + LOOP).unwrap();
    core.wait_for_core_halted(LONG).unwrap();
    core.run().unwrap();
    core.wait_for_core_halted(LONG).unwrap();
    assert!(core.read_word_32(COUNTER).unwrap() > 0);
}

#[test]
fn the_core_can_be_debugged() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let (board, console) = bench.flashed(&image(b'A'));
    assert_eq!(console.line(), "A1");
    let mut session = bench.attach(&board, &FaultHandle::default()).unwrap();
    let mut core = session.core(0).unwrap();

    // Memory of the running core.
    assert_eq!(core.status().unwrap(), CoreStatus::Running);
    let seen = core.read_word_32(COUNTER).unwrap();
    let deadline = Instant::now() + LONG;
    while core.read_word_32(COUNTER).unwrap() == seen {
        assert!(Instant::now() < deadline, "the counter stands still");
    }
    core.write_word_32(COUNTER + 4, 0xC0FF_EE00).unwrap();
    core.write_8(COUNTER + 4, &[0x42]).unwrap();
    assert_eq!(core.read_word_32(COUNTER + 4).unwrap(), 0xC0FF_EE42);
    assert!(core.read_word_32(0x9000_0000).is_err(), "nothing is mapped there");
    assert_eq!(core.status().unwrap(), CoreStatus::Running);

    // Halted, it stands still.
    core.halt(LONG).unwrap();
    let seen = core.read_word_32(COUNTER).unwrap();
    assert_eq!(core.read_word_32(COUNTER).unwrap(), seen);

    // Reset, breakpoint, step.
    let pc = core.reset_and_halt(LONG).unwrap().pc;
    assert_eq!(pc, 0x40);
    core.set_hw_breakpoint(LOOP).unwrap();
    core.run().unwrap();
    core.wait_for_core_halted(LONG).unwrap();
    let program_counter = core.program_counter().id();
    assert_eq!(core.read_core_reg::<u64>(program_counter).unwrap(), LOOP);
    assert_eq!(core.step().unwrap().pc, LOOP + 2);
    core.clear_hw_breakpoint(LOOP).unwrap();

    // Registers that gdb does not have.
    let main_stack = core.registers().msp().unwrap().id();
    assert_eq!(core.read_core_reg::<u32>(main_stack).unwrap(), 0x2001_0000);
    core.write_core_reg(main_stack, 0x2000_8000_u32).unwrap();
    assert_eq!(core.read_core_reg::<u32>(main_stack).unwrap(), 0x2000_8000);

    // A device register, which the core itself must write: SysTick's reload value.
    core.write_word_32(0xE000_E014, 0x1234).unwrap();
    assert_eq!(core.read_word_32(0xE000_E014).unwrap(), 0x1234);
}

#[test]
fn the_core_runs_on_without_the_probe() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    // `flashed` has dropped its session; a reset that nobody watches must still run.
    let (board, console) = bench.flashed(&image(b'A'));
    assert_eq!(console.line(), "A1");
    board.reset().unwrap();
    assert_eq!(console.line(), "A2");
}

#[test]
fn a_breakpoint_instruction_halts() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let mut program = image(b'A');
    program[LOOP as usize..LOOP as usize + 2].copy_from_slice(&[0x01, 0xBE]);
    let (board, _console) = bench.flashed(&image(b'A'));
    let mut session = bench.attach(&board, &FaultHandle::default()).unwrap();
    commit(&mut session, bench.spec.machine, &program).unwrap();
    let mut core = session.core(0).unwrap();
    core.reset().unwrap();
    core.wait_for_core_halted(LONG).unwrap();
    assert!(matches!(core.status().unwrap(), CoreStatus::Halted(HaltReason::Breakpoint(_))));
    let program_counter = core.program_counter().id();
    assert_eq!(core.read_core_reg::<u64>(program_counter).unwrap(), LOOP);
}

#[test]
fn a_hard_fault_is_caught_on_demand() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let mut program = image(b'A');
    // udf #0, which no breakpoint is.
    program[LOOP as usize..LOOP as usize + 2].copy_from_slice(&[0x00, 0xDE]);
    let (board, _console) = bench.flashed(&image(b'A'));
    let mut session = bench.attach(&board, &FaultHandle::default()).unwrap();
    commit(&mut session, bench.spec.machine, &program).unwrap();
    let mut core = session.core(0).unwrap();
    core.enable_vector_catch(VectorCatchCondition::HardFault).unwrap();
    core.reset().unwrap();
    core.wait_for_core_halted(LONG).unwrap();
    let program_counter = core.program_counter().id();
    assert_eq!(core.read_core_reg::<u64>(program_counter).unwrap(), 0x80);
}

#[test]
fn faults_are_reported_as_a_real_probe_would() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let (board, _console) = bench.flashed(&image(b'A'));
    let faults = FaultHandle::default();
    let attach_error = |fault| {
        faults.set(fault);
        let error = bench.attach(&board, &faults).map(drop).unwrap_err();
        faults.set(Faults::default());
        text(&error)
    };
    let locked = attach_error(Faults { locked: true, ..Faults::default() });
    assert!(locked.contains("FAULT") || locked.contains("fault"), "{locked}");
    let unplugged = attach_error(Faults { unplug_after: Some(5), ..Faults::default() });
    assert!(unplugged.contains("unplugged"), "{unplugged}");

    // Bad cells show when the flash is read back, and only then.
    let mut session = bench.attach(&board, &faults).unwrap();
    faults.set(Faults { bad_cells: Some(0x44..0x48), ..Faults::default() });
    let error = commit(&mut session, bench.spec.machine, &image(b'B')).unwrap_err();
    assert!(matches!(error, FlashError::Verify), "{}", text(&error));
    // Repaired, the same board takes the image.
    faults.set(Faults::default());
    commit(&mut session, bench.spec.machine, &image(b'B')).unwrap();

    // Unplugged at several depths of flashing.
    drop(session);
    for depth in [40, 150, 400] {
        let mut session = bench.attach(&board, &faults).unwrap();
        faults.set(Faults { unplug_after: Some(depth), ..Faults::default() });
        let error = commit(&mut session, bench.spec.machine, &large_image(b'C', 30_000)).unwrap_err();
        assert!(text(&error).contains("unplugged"), "at {depth}: {}", text(&error));
        drop(session);
        faults.set(Faults::default());
    }
    let mut session = bench.attach(&board, &faults).unwrap();
    commit(&mut session, bench.spec.machine, &image(b'D')).unwrap();
}

#[test]
fn a_target_without_power_is_told_from_a_missing_probe() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let board = bench.prepare().start().unwrap();
    let faults = FaultHandle::default();
    faults.set(Faults { no_target: true, ..Faults::default() });
    let error = text(&bench.attach(&board, &faults).map(drop).unwrap_err());
    assert!(error.to_lowercase().contains("target"), "{error}");
    faults.set(Faults::default());
    board.power_off().map(drop).unwrap();
}

#[test]
fn a_killed_qemu_is_noticed_while_flashing() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let board = bench.prepare().start().unwrap();
    let mut session = bench.attach(&board, &FaultHandle::default()).unwrap();
    board.power_off().unwrap();
    let error = commit(&mut session, bench.spec.machine, &image(b'A')).unwrap_err();
    assert!(text(&error).contains("QEMU has ended"), "{}", text(&error));
}

#[test]
fn boards_are_listed_as_probes() {
    let Some(bench) = Bench::new(Machine::Mps2An386) else { return };
    let board = bench.prepare().start().unwrap();
    FACTORY.add(Entry {
        serial: "bench-7".into(),
        machine: bench.spec.machine,
        endpoint: board.gdb().clone(),
        faults: FaultHandle::default(),
    });
    let lister = Lister::with_lister(Box::new(QemuLister));
    let listed = lister.list_all();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].serial_number.as_deref(), Some("bench-7"));
    let selector: DebugProbeSelector = "1209:0001:bench-7".parse().unwrap();
    assert!(lister.open(selector).is_ok());
    let other: DebugProbeSelector = "1209:0001:bench-8".parse().unwrap();
    assert!(lister.open(other).is_err());
    FACTORY.remove("bench-7");
    assert!(lister.list_all().is_empty());
}
