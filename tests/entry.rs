//! `#[gort::main]` and `#[gort::test]`.

use gort::runtime::{Handle, RuntimeFlavor};
use std::error::Error;
use std::rc::Rc;

mod goroutine_one {
    #[gort::main]
    pub(super) async fn main() -> u32 {
        let handle = gort::go(async { 20 });
        handle.await.unwrap() + 1
    }
}

#[test]
fn main_is_a_goroutine_of_a_runtime_with_workers() {
    assert_eq!(goroutine_one::main(), 21);
}

mod threads {
    #[gort::main(worker_threads = 2)]
    pub(super) async fn main() -> bool {
        let caller = std::thread::current().name().map(str::to_owned);
        caller.is_some_and(|name| name.starts_with("gort-worker"))
    }
}

#[test]
fn main_runs_on_a_worker() {
    assert!(threads::main());
}

mod stays {
    use super::{Error, Rc};

    #[gort::main]
    pub(super) async fn main() -> Result<(), Box<dyn Error>> {
        let local = Rc::new(std::cell::Cell::new(1));
        gort::task::yield_now().await;
        local.set(2);
        Err(local.get().to_string().into())
    }
}

#[test]
fn main_that_may_not_leave_its_thread_runs_on_the_caller() {
    assert_eq!(stays::main().unwrap_err().to_string(), "2");
}

mod never {
    #[gort::main(flavor = "current_thread")]
    pub(super) async fn main() -> ! {
        panic!("out")
    }
}

#[test]
#[should_panic = "out"]
fn main_may_never_return() {
    never::main();
}

#[gort::main(flavor = "multi_thread", worker_threads = 1)]
async fn with_arguments(a: &str, b: impl Into<String>) -> String {
    let b = b.into();
    format!("{a} {b}")
}

#[test]
fn any_function_may_have_the_attribute() {
    assert_eq!(with_arguments("a", "b"), "a b");
}

#[gort::test]
async fn tests_run_on_the_current_thread() {
    assert_eq!(Handle::current().runtime_flavor(), RuntimeFlavor::CurrentThread);
    let local = Rc::new(1);
    gort::spawn(async {}).await.unwrap();
    assert_eq!(*local, 1);
}

#[gort::test(flavor = "multi_thread", worker_threads = 2)]
async fn tests_may_have_workers() -> Result<(), Box<dyn Error>> {
    assert_eq!(Handle::current().runtime_flavor(), RuntimeFlavor::MultiThread);
    gort::spawn(async {}).await?;
    Ok(())
}

#[gort::test]
#[should_panic = "in a test"]
async fn tests_may_panic() {
    panic!("in a test");
}

mod renamed {
    mod inner {
        pub(super) use ::gort as tokio;
    }

    #[inner::tokio::test(crate = "inner::tokio")]
    async fn a_path_to_the_crate() {
        inner::tokio::spawn(async {}).await.unwrap();
        inner::tokio::select! { () = async {} => {} }
    }
}

// The crate's name stands for something else here.
mod shadowed {
    use std as gort;

    #[::gort::test]
    async fn the_crate_is_found_all_the_same() {
        assert_eq!(gort::cmp::max(1, 2), 2);
    }
}
