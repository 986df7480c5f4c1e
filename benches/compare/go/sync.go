package main

import (
	"sync"
	"sync/atomic"
)

func increments(tasks int) sample {
	n := scaled(20_000_000, 8000)
	var mu sync.Mutex
	count := 0
	m := startMeter()
	var wg sync.WaitGroup
	for range tasks {
		wg.Add(1)
		go func() {
			for range n / tasks {
				mu.Lock()
				count++
				mu.Unlock()
			}
			wg.Done()
		}()
	}
	wg.Wait()
	s := m.stop(n)
	if count != n/tasks*tasks {
		fail("increments were lost")
	}
	return s
}

// rwLocks takes a lock for reading, and every writeEveryth time for writing; never for 0.
func rwLocks(writeEvery int) sample {
	const tasks = 8
	each := scaled(16_000_000, 8000) / tasks
	var mu sync.RWMutex
	var twins [2]int
	m := startMeter()
	var wg sync.WaitGroup
	for range tasks {
		wg.Add(1)
		go func() {
			seen := 0
			for i := 1; i <= each; i++ {
				if writeEvery > 0 && i%writeEvery == 0 {
					mu.Lock()
					twins[0]++
					twins[1]++
					mu.Unlock()
					continue
				}
				mu.RLock()
				now := twins
				mu.RUnlock()
				if now[0] != now[1] || now[0] < seen {
					fail("a reader saw a half-made change, or what was before")
				}
				seen = now[0]
			}
			wg.Done()
		}()
	}
	wg.Wait()
	s := m.stop(tasks * each)
	if writeEvery > 0 && twins[0] != tasks*(each/writeEvery) {
		fail("changes were lost")
	}
	return s
}

func onceDone() sample {
	const tasks = 8
	each := scaled(20_000_000, 8000) / tasks
	var once sync.Once
	var runs atomic.Int64
	once.Do(func() { runs.Add(1) })
	m := startMeter()
	var wg sync.WaitGroup
	for range tasks {
		wg.Add(1)
		go func() {
			for range each {
				once.Do(func() { runs.Add(1) })
			}
			wg.Done()
		}()
	}
	wg.Wait()
	s := m.stop(tasks * each)
	if runs.Load() != 1 {
		fail("it was not done once")
	}
	return s
}

func onceFirst() sample {
	n := scaled(5_000_000, 1000)
	var runs atomic.Int64
	m := startMeter()
	for range n {
		var once sync.Once
		once.Do(func() { runs.Add(1) })
	}
	s := m.stop(n)
	if int(runs.Load()) != n {
		fail("a first call did nothing")
	}
	return s
}

func condPingPong() sample {
	n := scaled(500_000, 1000)
	var mu sync.Mutex
	own := [2]*sync.Cond{sync.NewCond(&mu), sync.NewCond(&mu)}
	turn := 0
	m := startMeter()
	var wg sync.WaitGroup
	for player := range 2 {
		wg.Add(1)
		go func() {
			for range n {
				mu.Lock()
				for turn%2 != player {
					own[player].Wait()
				}
				turn++
				mu.Unlock()
				own[1-player].Signal()
			}
			wg.Done()
		}()
	}
	wg.Wait()
	s := m.stop(n)
	if turn != 2*n {
		fail("a turn was lost")
	}
	return s
}

func condBroadcast() sample {
	const waiters = 1000
	rounds := scaled(1000, 10)
	var mu sync.Mutex
	begun, all := sync.NewCond(&mu), sync.NewCond(&mu)
	turn, left, seen := 0, 0, 0
	var wg sync.WaitGroup
	for range waiters {
		wg.Add(1)
		go func() {
			for round := 1; round <= rounds; round++ {
				mu.Lock()
				for turn < round {
					begun.Wait()
				}
				left--
				seen++
				last := left == 0
				mu.Unlock()
				if last {
					all.Signal()
				}
			}
			wg.Done()
		}()
	}
	awaitAll := func() {
		for left > 0 {
			all.Wait()
		}
	}
	m := startMeter()
	for round := 1; round <= rounds; round++ {
		mu.Lock()
		awaitAll()
		turn, left = round, waiters
		mu.Unlock()
		begun.Broadcast()
	}
	mu.Lock()
	awaitAll()
	mu.Unlock()
	s := m.stop(waiters * rounds)
	wg.Wait()
	if seen != waiters*rounds {
		fail("a round was not seen by all")
	}
	return s
}
