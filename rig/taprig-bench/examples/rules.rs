//! Measures how long a line of a console by rules takes to its event: the worked example of the repository, with one
//! line of each kind. Prints the mean time in microseconds. `ci/measure` runs it.

use std::hint::black_box;
use std::time::Instant;

use taprig_bench::link::port::Decoder as _;
use taprig_bench::validator_side::rules::meaning::Meanings;
use taprig_bench::validator_side::rules::splitter::{Heard, Splitter};
use taprig_model::device::{Device, Interface};

const DEVICE: &str = include_str!("../../../fixtures/devices/lumiqin-lq9.yaml");

const LINES: &str = "LQ9> \r@10 显示[52] 票价:￥1.00\rLQ9> \r@11 蜂鸣 3\rLQ9> \r@12 闸门 1\rLQ9> \r\
                     @20 交易 结果=00 原因=E131 子码=0 扣款=￥1.00 持卡人=0\rLQ9> \r@90 故障 F2\rLQ9> 调试 无意义的一行 1234567890\r";

const TURNS: u32 = 5000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device: Device =
        serde_yaml::with::singleton_map_recursive::deserialize(serde_yaml::Deserializer::from_str(DEVICE))?;
    let Interface::Rules(rules) = &device.interface else { return Err("the example has no rules".into()) };
    let (bytes, _, _) = encoding_rs::GBK.encode(LINES);
    let meanings = Meanings::new(rules, &device.words);
    let mut splitter = Splitter::new(rules);
    let (mut lines, mut events) = (0u32, 0usize);
    let began = Instant::now();
    for _ in 0..TURNS {
        splitter.push(&bytes, &mut |heard| {
            if let Heard::Line(line) = heard {
                lines += 1;
                events += black_box(meanings.signals(&line)).count();
            }
        });
    }
    let mean = began.elapsed() / lines;
    assert_eq!(events, 5 * usize::try_from(TURNS)?, "each turn has five events");
    println!("{:.1}", mean.as_secs_f64() * 1e6);
    Ok(())
}
