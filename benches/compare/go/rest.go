package main

import (
	"io"
	"net"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

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

func memPending() sample {
	return memory(func() { select {} })
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
