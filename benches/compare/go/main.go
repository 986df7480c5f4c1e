// The Go side of the comparison: the same workloads as ../src/work, started by the Rust program as
//
//	gobench ROW IMPL THREADS DIV
//
// with GOMAXPROCS in the environment. It prints one line a repetition: rep, ops, wall ns, CPU ns,
// voluntary context switches, minor faults, bytes of resident memory an op.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// sample is what one repetition took.
type sample struct {
	ops, wall, cpu, vcsw, faults, bytes int64
}

// meter is a running measurement.
type meter struct {
	start time.Time
	usage syscall.Rusage
}

func startMeter() meter {
	var m meter
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &m.usage))
	m.start = time.Now()
	return m
}

func (m meter) stop(ops int) sample {
	wall := time.Since(m.start)
	var now syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &now))
	cpu := now.Utime.Nano() + now.Stime.Nano() - m.usage.Utime.Nano() - m.usage.Stime.Nano()
	return sample{int64(ops), wall.Nanoseconds(), cpu, now.Nvcsw - m.usage.Nvcsw, now.Minflt - m.usage.Minflt, 0}
}

func must(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

// checkItems fails unless count items with this sum came through, of the n items 0..n-1.
func checkItems(n, count, sum int) {
	if count != n || sum != n*(n-1)/2 {
		fail("items were lost or doubled: %d of %d came", count, n)
	}
}

// div divides the counts (--quick), threads is GOMAXPROCS.
var div, threads int

// scaled is full, scaled, but at least least.
func scaled(full, least int) int {
	return max(full/div, least)
}

// rss returns the bytes of resident memory.
func rss() int64 {
	data, err := os.ReadFile("/proc/self/statm")
	must(err)
	pages, err := strconv.ParseInt(strings.Fields(string(data))[1], 10, 64)
	must(err)
	return pages * 4096
}

var workloads = map[string]func() sample{
	"spawn_join/go":                    spawnJoin,
	"spawn_from_task/go":               spawnFromTask,
	"yield/go":                         yields,
	"waitgroup/go":                     waitgroup,
	"handoff_stall/go":                 handoffStall,
	"pingpong_unbuf/go":                pingpong,
	"spsc_buf/go":                      func() sample { return oneToOne(scaled(4_000_000, 1000), 128) },
	"spsc_unbuf/go":                    func() sample { return oneToOne(scaled(1_000_000, 1000), 0) },
	"mpsc_buf/go":                      func() sample { return manyToMany(1) },
	"mpmc_buf/go":                      func() sample { return manyToMany(8) },
	"select_2/go":                      select2,
	"select_8/go":                      select8,
	"select_default/go":                selectDefault,
	"select_default_2/go":              selectDefault2,
	"mutex_contended/go":               func() sample { return increments(8) },
	"mutex_uncontended/go":             func() sample { return increments(1) },
	"rwmutex_read/go":                  func() sample { return rwLocks(100) },
	"rwmutex_read_only/go":             func() sample { return rwLocks(0) },
	"once_done/go":                     onceDone,
	"once_first/go":                    onceFirst,
	"cond_pingpong/go":                 condPingPong,
	"cond_broadcast/go":                condBroadcast,
	"semaphore_uncontended/go":         func() sample { return semaphoreUncontended(newWeighted()) },
	"semaphore_uncontended/go-channel": func() sample { return semaphoreUncontended(newSlots()) },
	"semaphore_contended/go":           func() sample { return semaphoreContended(newWeighted()) },
	"semaphore_contended/go-channel":   func() sample { return semaphoreContended(newSlots()) },
	"context_children/go":              contextChildren,
	"context_tree_1000/go":             func() sample { return contextTrees(scaled(200, 2), 3) },
	"context_tree_10000/go":            func() sample { return contextTrees(scaled(20, 1), 4) },
	"context_deadline/go":              contextDeadlines,
	"errgroup_1000/go":                 errgroup,
	"singleflight/go":                  singleflight,
	"ticker/go":                        tickers,
	"sleep_many/go":                    sleepMany,
	"timer_churn/go-AfterFunc":         func() sample { return churn(afterFuncTimeout) },
	"timer_churn/go-NewTimer-noblock":  func() sample { return churn(newTimerTimeout) },
	"timer_churn/go-ctx":               func() sample { return churn(ctxTimeout) },
	"timer_churn_100k/go-AfterFunc":    churn100k,
	"timer_select/go":                  timerSelect,
	"tcp_echo_1/go":                    func() sample { return echo(1, scaled(20_000, 1000)) },
	"tcp_echo_64/go":                   func() sample { return echo(64, scaled(128_000, 6400)) },
	"tcp_echo_2000/go":                 func() sample { return echo(2000, scaled(100_000, 20_000)) },
	"ring/go":                          ring,
	"sieve/go":                         sieve,
	"skynet/go":                        func() sample { return skynet(0) },
	"skynet_cap10/go":                  func() sample { return skynet(10) },
	"mem_recv/go":                      memRecv,
	"mem_sleep/go":                     memSleep,
	"mem_pending/go":                   memPending,
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "version" {
		fmt.Println(runtime.Version())
		return
	}
	if len(os.Args) != 5 {
		fail("usage: gobench ROW IMPL THREADS DIV")
	}
	var err error
	threads, err = strconv.Atoi(os.Args[3])
	must(err)
	div, err = strconv.Atoi(os.Args[4])
	must(err)
	if runtime.GOMAXPROCS(0) != threads {
		runtime.GOMAXPROCS(threads)
	}
	work, ok := workloads[os.Args[1]+"/"+os.Args[2]]
	if !ok {
		fail("no workload %s for %s", os.Args[1], os.Args[2])
	}
	// The work starts in an ordinary goroutine, like that of everyone else.
	done := make(chan struct{})
	go func() {
		repeat(work, strings.HasPrefix(os.Args[1], "mem_"))
		close(done)
	}()
	<-done
}

// repeat warms up, then repeats five times, or three when that takes over 1.5 s.
func repeat(work func() sample, once bool) {
	reps := 1
	if !once {
		reps = 5
		if work().wall > 1_500_000_000 {
			reps = 3
		}
	}
	for range reps {
		s := work()
		fmt.Println("rep", s.ops, s.wall, s.cpu, s.vcsw, s.faults, s.bytes)
	}
}
