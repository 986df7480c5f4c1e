package main

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func sleepMany() sample {
	n := scaled(100_000, 1000)
	m := startMeter()
	var wg sync.WaitGroup
	wg.Add(n)
	random := uint64(1)
	for range n {
		random = random*6_364_136_223_846_793_005 + 1
		d := time.Duration(1000+(random>>33)%99_000) * time.Microsecond
		go func() {
			time.Sleep(d)
			wg.Done()
		}()
	}
	wg.Wait()
	return m.stop(1)
}

const long = 10 * time.Second

func afterFuncTimeout() {
	t := time.AfterFunc(long, func() { fail("a timeout fired") })
	runtime.Gosched()
	t.Stop()
}

func newTimerTimeout() {
	t := time.NewTimer(long)
	runtime.Gosched()
	t.Stop()
}

func ctxTimeout() {
	_, cancel := context.WithTimeout(context.Background(), long)
	runtime.Gosched()
	cancel()
}

func churn(timeout func()) sample {
	n := scaled(1_000_000, 8000)
	m := startMeter()
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			for range n / 8 {
				timeout()
			}
			wg.Done()
		}()
	}
	wg.Wait()
	return m.stop(n / 8 * 8)
}

var sleepers sync.Once

func churn100k() sample {
	sleepers.Do(func() {
		n := scaled(100_000, 1000)
		var asleep atomic.Int64
		for i := range n {
			go func() {
				asleep.Add(1)
				time.Sleep(time.Duration(600+i%100) * time.Second)
			}()
		}
		for int(asleep.Load()) < n {
			runtime.Gosched()
		}
	})
	return churn(afterFuncTimeout)
}

func timerSelect() sample {
	n := scaled(500_000, 1000)
	ch := make(chan uint64)
	m := startMeter()
	go func() {
		for i := range n {
			ch <- uint64(i)
		}
	}()
	sum := 0
	for range n {
		select {
		case v := <-ch:
			sum += int(v)
		case <-time.After(long):
			fail("the timer fired")
		}
	}
	s := m.stop(n)
	checkItems(n, n, sum)
	return s
}

// tickers is about CPU time, as that of the clock is given.
func tickers() sample {
	const tickers, period = 1000, 10 * time.Millisecond
	ticks := scaled(100, 5)
	m := startMeter()
	random := uint64(1)
	var wg sync.WaitGroup
	for range tickers {
		random = random*6_364_136_223_846_793_005 + 1
		phase := time.Duration((random>>33)%10_000) * time.Microsecond
		wg.Add(1)
		go func() {
			time.Sleep(phase)
			start := time.Now()
			ticker := time.NewTicker(period)
			for range ticks {
				<-ticker.C
			}
			ticker.Stop()
			if time.Since(start) < time.Duration(ticks)*period {
				fail("a tick was early")
			}
			wg.Done()
		}()
	}
	wg.Wait()
	s := m.stop(tickers * ticks)
	s.wall = s.cpu
	return s
}
