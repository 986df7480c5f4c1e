package main

import (
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func spawnJoin() sample {
	n := scaled(1_000_000, 1000)
	m := startMeter()
	var wg sync.WaitGroup
	wg.Add(n)
	for range n {
		go func() { wg.Done() }()
	}
	wg.Wait()
	return m.stop(n)
}

func spawnFromTask() sample {
	depth := 19 - min(bits.Len(uint(div))-1, 6)
	n := 1<<(depth+1) - 1
	m := startMeter()
	var wg sync.WaitGroup
	wg.Add(n)
	go spawnTree(depth, &wg)
	wg.Wait()
	return m.stop(n)
}

func spawnTree(depth int, wg *sync.WaitGroup) {
	if depth > 0 {
		go spawnTree(depth-1, wg)
		go spawnTree(depth-1, wg)
	}
	wg.Done()
}

func yields() sample {
	const tasks = 1000
	each := scaled(5000, 100)
	m := startMeter()
	var wg sync.WaitGroup
	wg.Add(tasks)
	for range tasks {
		go func() {
			for range each {
				runtime.Gosched()
			}
			wg.Done()
		}()
	}
	wg.Wait()
	return m.stop(tasks * each)
}

func waitgroup() sample {
	const tasks = 1000
	rounds := scaled(1000, 10)
	m := startMeter()
	var wg sync.WaitGroup
	for range rounds {
		wg.Add(tasks)
		for range tasks {
			go func() { wg.Done() }()
		}
		wg.Wait()
	}
	return m.stop(tasks * rounds)
}

// handoffStall has as many goroutines in a blocking system call as there are Ps, and reports the
// longest pause that four others saw meanwhile.
func handoffStall() sample {
	const others = 4
	sleepers := threads
	var worst, slept atomic.Int64
	var stop atomic.Bool
	m := startMeter()
	var wg sync.WaitGroup
	wg.Add(others + sleepers)
	for range others {
		go func() {
			last := time.Now()
			for !stop.Load() {
				runtime.Gosched()
				now := time.Now()
				for pause := now.Sub(last).Nanoseconds(); ; {
					w := worst.Load()
					if pause <= w || worst.CompareAndSwap(w, pause) {
						break
					}
				}
				last = now
			}
			wg.Done()
		}()
	}
	for warm := time.Now(); time.Since(warm) < 20*time.Millisecond; {
		runtime.Gosched()
	}
	worst.Store(0)
	for range sleepers {
		go func() {
			blockThread(100 * time.Millisecond)
			if int(slept.Add(1)) == sleepers {
				stop.Store(true)
			}
			wg.Done()
		}()
	}
	wg.Wait()
	s := m.stop(1)
	s.wall = worst.Load()
	return s
}

// blockThread is Rust's std::thread::sleep: it keeps the thread for d.
func blockThread(d time.Duration) {
	left := syscall.NsecToTimespec(d.Nanoseconds())
	for syscall.Nanosleep(&left, &left) == syscall.EINTR {
	}
}
