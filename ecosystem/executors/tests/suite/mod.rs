//! The test files of gort that are about what works under any executor: the files themselves, not copies.

#![allow(unused_imports, dead_code, reason = "what is about gort's own executor is left out")]
#![allow(clippy::duplicate_mod, reason = "each file brings its helpers along")]

#[path = "../../../../tests/chan_basic.rs"]
mod chan_basic;
#[path = "../../../../tests/chan_cancel.rs"]
mod chan_cancel;
#[path = "../../../../tests/chan_goroutines.rs"]
mod chan_goroutines;
#[path = "../../../../tests/chan_stream.rs"]
mod chan_stream;
#[path = "../../../../tests/go_chan.rs"]
mod go_chan;
#[path = "../../../../tests/go_context.rs"]
mod go_context;
#[path = "../../../../tests/go_map.rs"]
mod go_map;
#[path = "../../../../tests/go_once.rs"]
mod go_once;
#[path = "../../../../tests/go_rw.rs"]
mod go_rw;
#[path = "../../../../tests/go_select.rs"]
mod go_select;
#[path = "../../../../tests/go_sync.rs"]
mod go_sync;
#[path = "../../../../tests/go_time.rs"]
mod go_time;
#[path = "../../../../tests/go_xsync.rs"]
mod go_xsync;
#[path = "../../../../tests/hazards_cancel.rs"]
mod hazards_cancel;
#[path = "../../../../tests/hazards_close.rs"]
mod hazards_close;
#[path = "../../../../tests/hazards_select.rs"]
mod hazards_select;
#[path = "../../../../tests/hazards_values.rs"]
mod hazards_values;
#[path = "../../../../tests/hazards_wakers.rs"]
mod hazards_wakers;
#[path = "../../../../tests/select_dynamic.rs"]
mod select_dynamic;
#[path = "../../../../tests/select_macro.rs"]
mod select_macro;
#[path = "../../../../tests/select_stress.rs"]
mod select_stress;
#[path = "../../../../tests/select_sync.rs"]
mod select_sync;
#[path = "../../../../tests/sync_cond.rs"]
mod sync_cond;
#[path = "../../../../tests/sync_forget.rs"]
mod sync_forget;
#[path = "../../../../tests/sync_mutex.rs"]
mod sync_mutex;
#[path = "../../../../tests/sync_rw_lock.rs"]
mod sync_rw_lock;
#[path = "../../../../tests/sync_wait_group.rs"]
mod sync_wait_group;
