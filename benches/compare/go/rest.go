package main

import (
	"context"
	"io"
	"net"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// ---- locks

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

// ---- timers

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

// ---- net

func echo(connections, requests int) sample {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	conns := make([]net.Conn, connections)
	for i := range conns {
		// One at a time, or the listener's queue overflows and a retry takes a second.
		conns[i], err = net.Dial("tcp", listener.Addr().String())
		must(err)
		conn, err := listener.Accept()
		must(err)
		go serve(conn)
	}
	must(listener.Close())
	each := requests / connections
	var right atomic.Int64
	m := startMeter()
	var wg sync.WaitGroup
	for _, conn := range conns {
		wg.Add(1)
		go func() {
			right.Add(int64(ask(conn, each)))
			wg.Done()
		}()
	}
	wg.Wait()
	s := m.stop(each * connections)
	if int(right.Load()) != each*connections {
		fail("requests went unanswered")
	}
	return s
}

func serve(conn net.Conn) {
	var buf [64]byte
	for {
		n, err := conn.Read(buf[:])
		if err == io.EOF {
			must(conn.Close())
			return
		}
		must(err)
		_, err = conn.Write(buf[:n])
		must(err)
	}
}

func ask(conn net.Conn, n int) int {
	var request, response [64]byte
	right := 0
	for i := range n {
		for b := range 8 {
			request[b] = byte(i >> (8 * b))
		}
		_, err := conn.Write(request[:])
		must(err)
		_, err = io.ReadFull(conn, response[:])
		must(err)
		if request == response {
			right++
		}
	}
	must(conn.Close())
	return right
}

// ---- patterns

func ring() sample {
	const tasks = 1000
	laps := scaled(1000, 10)
	first := make(chan uint64)
	left := first
	for range tasks - 1 {
		from, right := left, make(chan uint64)
		go func() {
			for token := range from {
				right <- token + 1
			}
			close(right)
		}()
		left = right
	}
	m := startMeter()
	token := uint64(0)
	for range laps {
		first <- token + 1
		token = <-left
	}
	s := m.stop(laps * tasks)
	if int(token) != laps*tasks {
		fail("the token missed a hop")
	}
	close(first)
	<-left
	return s
}

func sieve() sample {
	limit, primes, sum := uint64(7919), 1000, 3_682_913
	if div >= 20 {
		limit, primes, sum = 541, 100, 24_133
	}
	m := startMeter()
	ch := make(chan uint64)
	go func(out chan<- uint64) {
		for i := uint64(2); i <= limit; i++ {
			out <- i
		}
		close(out)
	}(ch)
	var found result
	for {
		prime, ok := <-ch
		if !ok {
			break
		}
		found.count++
		found.sum += int(prime)
		from, out := ch, make(chan uint64)
		go func() {
			for v := range from {
				if v%prime != 0 {
					out <- v
				}
			}
			close(out)
		}()
		ch = out
	}
	s := m.stop(1)
	if found != (result{primes, sum}) {
		fail("the sieve lost numbers: %v", found)
	}
	return s
}

func skynet(capacity int) sample {
	leaves := 1_000_000
	if div > 20 {
		leaves = 10_000
	} else if div > 2 {
		leaves = 100_000
	}
	m := startMeter()
	out := make(chan uint64, capacity)
	go skynetNode(out, 0, leaves, capacity)
	sum := int(<-out)
	s := m.stop(1)
	if sum != leaves*(leaves-1)/2 {
		fail("skynet lost a leaf")
	}
	return s
}

func skynetNode(out chan<- uint64, number, size, capacity int) {
	if size == 1 {
		out <- uint64(number)
		return
	}
	children := make(chan uint64, capacity)
	for i := range 10 {
		go skynetNode(children, number+i*(size/10), size/10, capacity)
	}
	sum := uint64(0)
	for range 10 {
		sum += <-children
	}
	out <- sum
}

// ---- memory

func memRecv() sample {
	ch := make(chan uint64, 1)
	return memory(func() { <-ch })
}

func memSleep() sample {
	return memory(func() { time.Sleep(time.Hour) })
}

func memory(block func()) sample {
	n := scaled(1_000_000, 1000)
	debug.FreeOSMemory()
	before := rss()
	var blocked atomic.Int64
	m := startMeter()
	for range n {
		go func() {
			blocked.Add(1)
			block()
		}()
	}
	for int(blocked.Load()) < n {
		runtime.Gosched()
	}
	for range 1000 {
		runtime.Gosched()
	}
	s := m.stop(n)
	s.bytes = (rss() - before) / int64(n)
	return s
}
