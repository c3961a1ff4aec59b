//! Words: what the command line and the processes refuse, and how they say it; what an operator does.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::args::{self, Invocation};
use crate::lines::Said;
use crate::node::{PORTS, client_port};
use crate::processes::{Shop, Site};
use crate::programs::{free_ports, program, wait};
use crate::shop::Role;

fn parsed(line: &str) -> Result<Invocation, String> {
    args::parse(line.split(' ').map(OsString::from))
}

fn open() -> (TempDir, u16, Shop) {
    let directory = tempfile::tempdir().expect("a directory");
    let port = free_ports(PORTS + 1);
    let dir = directory.path().join("shop");
    // What a crash leaves of a file that it was about to make.
    fs::create_dir_all(dir.join("stock")).expect("a directory");
    fs::write(dir.join("stock").join("books.new"), "half a database").expect("it can be written");
    let site = Site { program: program("order_saga").to_owned(), dir, port, through: None, disk_ms: |_| 0 };
    let shop = Shop::start(site).expect("the shop opens");
    (directory, port, shop)
}

fn error(shop: &Shop, role: Role, line: &str) -> String {
    match shop.ask(role, line) {
        Ok(Said::Error(error)) => error,
        other => panic!("`{line}` was answered with {other:?}"),
    }
}

fn order(shop: &Shop, number: u64) -> String {
    let lines = shop.ask_until_answered(Role::Orders, &format!("order {number}")).expect("it is told");
    lines.concat()
}

fn place(shop: &Shop, what: &str) -> u64 {
    match shop.ask(Role::Orders, &format!("place {what}")) {
        Ok(Said::Ok(_, number)) => number.parse().expect("a number"),
        other => panic!("{what} was answered with {other:?}"),
    }
}

fn await_end(shop: &Shop, number: u64, end: &str) {
    let told = wait("an order to end", || Some(order(shop, number)).filter(|told| !told.ends_with("open")));
    assert!(told.contains(end), "{told} should be {end}");
}

fn await_stuck(shop: &Shop, line: &str) {
    wait(line, || {
        let stuck = shop.ask_until_answered(Role::Orders, "stuck").expect("it is told");
        stuck.iter().any(|told| told == line).then_some(())
    });
}

#[test]
fn errors_on_the_command_line_name_what_was_wrong() {
    assert!(matches!(parsed("node stock --dir d --port 7000"), Ok(Invocation::Node(_))));
    assert!(matches!(parsed("demo --orders 3"), Ok(Invocation::Demo(_))));
    assert!(matches!(parsed("resolve 3 ship retry --port 7000"), Ok(Invocation::Ask { port: 7000, .. })));
    for (line, says) in [
        ("serve", "`serve` is not a command"),
        ("node", "node needs a role"),
        ("node bakery --dir d", "`bakery` is not a role; there are orders"),
        ("node stock", "--dir is missing"),
        ("node stock --dir", "--dir needs a value"),
        ("node stock --dir d --port 65530", "`65530` is not a number from 1 to 65521"),
        ("node stock --dir d --kills 3", "`node` does not take --kills"),
        ("demo --orders none", "`none` is not a number from 1 to 10000"),
        ("stuck --dir d", "`stuck` does not take --dir"),
        ("resolve 3 ship", "`resolve` takes other words"),
        ("books orders", "`orders` has no books"),
        ("stuck --faster", "--faster"),
    ] {
        let error = parsed(line).expect_err(line);
        assert!(error.contains(says), "{line}: {error}");
    }
}

#[test]
fn what_cannot_be_done_is_refused_in_words_that_help() {
    let (_directory, port, shop) = open();
    for (role, line, says) in [
        (Role::Orders, "", "ask: place"),
        (Role::Orders, "place a alice", "ask: place"),
        (Role::Orders, "place a eve lamp 1 town", "`eve` is not a customer; there are alice"),
        (Role::Orders, "place a alice lamp 0 town", "`0` is not a quantity"),
        (Role::Orders, "order 99", "there is no order 99"),
        (Role::Orders, "order x", "`x` is not the number of an order"),
        (Role::Orders, "cancel 99", "there is no order 99"),
        (Role::Orders, "resolve 99 ship retry", "`stuck` lists those that are"),
        (Role::Orders, "resolve 1 fly retry", "`fly` is not a step; there are reserve"),
        (Role::Orders, "resolve 1 ship maybe", "`maybe` resolves nothing"),
        (Role::Stock, "void 1", "of payment also void"),
        (Role::Payment, "void 1", "nothing of order 1 waits to be voided"),
        (Role::Shipping, "mend moon", "there are town, island"),
    ] {
        let error = error(&shop, role, line);
        assert!(error.contains(says), "{line}: {error}");
    }
    let number = place(&shop, "a alice lamp 1 town");
    assert_eq!(place(&shop, "a alice lamp 1 town"), number, "a token names one order");
    let said = error(&shop, Role::Orders, "place a alice lamp 2 town");
    assert!(said.contains("take a new token"), "{said}");
    await_end(&shop, number, "completed");
    let said = error(&shop, Role::Orders, &format!("cancel {number}"));
    assert!(said.contains("too late") || said.contains("no way back"), "{said}");

    let mut rude = TcpStream::connect(("127.0.0.1", client_port(port, Role::Orders))).expect("it connects");
    rude.write_all(&[b'x'; 4096]).expect("it is sent");
    let mut said = String::new();
    // It may be cut off before it has said all it wanted to.
    let _ = rude.read_to_string(&mut said);
    assert!(said.is_empty() || said.starts_with("error a line is at most"), "{said}");
    assert!(order(&shop, number).ends_with("completed"), "others are served");
}

#[test]
fn what_is_stuck_is_listed_and_ends_by_an_operators_word() {
    let (_directory, _port, shop) = open();
    let island = place(&shop, "a alice lamp 1 island");
    let [by_hand, again] = ["b", "c"].map(|token| place(&shop, &format!("{token} dave unicorn 1 town")));
    await_stuck(&shop, &format!("stuck {island} ship do"));
    await_stuck(&shop, &format!("stuck {by_hand} authorise undo"));
    await_stuck(&shop, &format!("stuck {again} authorise undo"));
    // Listed again by a process that starts again.
    shop.kill(&[Role::Orders]).expect("it runs");
    shop.start_process(Role::Orders).expect("it starts");
    shop.await_all().expect("it runs");
    await_stuck(&shop, &format!("stuck {island} ship do"));

    let say = |role, line: &str| drop(shop.ask_until_answered(role, line).expect(line));
    let said = error(&shop, Role::Orders, &format!("resolve {island} ship never"));
    assert!(said.contains("cannot go that way"), "{said}");
    let said = error(&shop, Role::Orders, &format!("cancel {island}"));
    assert!(said.contains("no way back"), "{said}");
    say(Role::Payment, &format!("void {by_hand}"));
    say(Role::Orders, &format!("resolve {by_hand} authorise happened"));
    await_end(&shop, by_hand, "compensated:refused-reserve");
    say(Role::Payment, "mend dave");
    say(Role::Orders, &format!("resolve {again} authorise retry"));
    await_end(&shop, again, "compensated:refused-reserve");
    say(Role::Shipping, "mend island");
    say(Role::Orders, &format!("resolve {island} ship retry"));
    await_end(&shop, island, "completed");
    assert_eq!(crate::audit::faults(&shop, &[]).expect("books are told"), Vec::<String>::new());
}

fn refused(args: &[&str]) -> String {
    let output = Command::new(program("order_saga")).args(args).stdin(Stdio::null()).output();
    let output = output.expect("the program runs");
    assert!(!output.status.success(), "{args:?} was taken");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_directory_in_use_or_of_another_process_is_refused() {
    let (directory, port, shop) = open();
    let (dir, free) = (directory.path().join("shop").join("stock"), free_ports(PORTS + 1).to_string());
    let dir = dir.to_str().expect("a plain path");
    let said = refused(&["node", "stock", "--dir", dir, "--port", &free]);
    assert!(said.contains("another process uses"), "{said}");
    let other = directory.path().join("other");
    let other = other.to_str().expect("a plain path");
    let said = refused(&["node", "stock", "--dir", other, "--port", &port.to_string()]);
    assert!(said.contains("cannot listen for the other processes on port"), "{said}");
    drop(shop);
    let said = refused(&["node", "payment", "--dir", dir, "--port", &free]);
    assert!(said.contains("belongs to process 2 of the shop, not to payment"), "{said}");
    fs::write(format!("{dir}/books.redb"), "something else").expect("it can be written");
    let said = refused(&["node", "stock", "--dir", dir, "--port", &free]);
    assert!(said.contains("cannot be used") && said.contains("name another --dir"), "{said}");
    let said = refused(&["stuck", "--port", &free]);
    assert!(said.contains("does it run, and is --port right?"), "{said}");
    let said = refused(&["demo", "--dir", dir]);
    assert!(said.contains("is not empty"), "{said}");
}
