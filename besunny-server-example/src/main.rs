//! The binary `besunny`.
use besunny_server::command::Line;
use clap::Parser;

fn main() {
    Line::parse();
}
