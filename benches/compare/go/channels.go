package main

import "sync"

func pingpong() sample {
	n := scaled(500_000, 1000)
	ping, pong := make(chan uint64), make(chan uint64)
	m := startMeter()
	go func() {
		for v := range ping {
			pong <- v
		}
		close(pong)
	}()
	sum := 0
	for i := range n {
		ping <- uint64(i)
		sum += int(<-pong)
	}
	s := m.stop(n)
	close(ping)
	<-pong
	checkItems(n, n, sum)
	return s
}

// result is what a consumer counted.
type result struct{ count, sum int }

func consume(ch <-chan uint64, out chan<- result) {
	var r result
	for v := range ch {
		r.count++
		r.sum += int(v)
	}
	out <- r
}

func oneToOne(n, capacity int) sample {
	ch := make(chan uint64, capacity)
	out := make(chan result, 1)
	m := startMeter()
	go consume(ch, out)
	for i := range n {
		ch <- uint64(i)
	}
	close(ch)
	r := <-out
	s := m.stop(n)
	checkItems(n, r.count, r.sum)
	return s
}

func manyToMany(consumers int) sample {
	n := scaled(4_000_000, 8000)
	ch := make(chan uint64, 128)
	out := make(chan result, consumers)
	m := startMeter()
	for range consumers {
		go consume(ch, out)
	}
	var wg sync.WaitGroup
	for part := range 8 {
		wg.Add(1)
		go func() {
			for i := n * part / 8; i < n*(part+1)/8; i++ {
				ch <- uint64(i)
			}
			wg.Done()
		}()
	}
	wg.Wait()
	close(ch)
	var r result
	for range consumers {
		one := <-out
		r.count += one.count
		r.sum += one.sum
	}
	s := m.stop(n)
	checkItems(n, r.count, r.sum)
	return s
}

// feed starts feeders that together send 0..n-1, each into a channel of its own.
func feed(n, feeders int) []chan uint64 {
	chans := make([]chan uint64, feeders)
	for part := range feeders {
		ch := make(chan uint64, 128)
		chans[part] = ch
		go func() {
			for i := n * part / feeders; i < n*(part+1)/feeders; i++ {
				ch <- uint64(i)
			}
		}()
	}
	return chans
}

func select2() sample {
	n := scaled(2_000_000, 8000)
	chans := feed(n, 2)
	a, b := chans[0], chans[1]
	m := startMeter()
	sum := 0
	for range n {
		select {
		case v := <-a:
			sum += int(v)
		case v := <-b:
			sum += int(v)
		}
	}
	s := m.stop(n)
	checkItems(n, n, sum)
	return s
}

func select8() sample {
	n := scaled(2_000_000, 8000)
	chans := feed(n, 8)
	c0, c1, c2, c3, c4, c5, c6, c7 := chans[0], chans[1], chans[2], chans[3], chans[4], chans[5], chans[6], chans[7]
	m := startMeter()
	sum := 0
	for range n {
		select {
		case v := <-c0:
			sum += int(v)
		case v := <-c1:
			sum += int(v)
		case v := <-c2:
			sum += int(v)
		case v := <-c3:
			sum += int(v)
		case v := <-c4:
			sum += int(v)
		case v := <-c5:
			sum += int(v)
		case v := <-c6:
			sum += int(v)
		case v := <-c7:
			sum += int(v)
		}
	}
	s := m.stop(n)
	checkItems(n, n, sum)
	return s
}

func selectDefault() sample {
	n := scaled(20_000_000, 10_000)
	ch := make(chan uint64, 128)
	m := startMeter()
	for range n {
		select {
		case <-ch:
			fail("something came out of an empty channel")
		default:
		}
	}
	return m.stop(n)
}

func selectDefault2() sample {
	n := scaled(5_000_000, 10_000)
	a, b := make(chan uint64, 128), make(chan uint64, 128)
	m := startMeter()
	for range n {
		select {
		case <-a:
			fail("something came out of an empty channel")
		case <-b:
			fail("something came out of an empty channel")
		default:
		}
	}
	return m.stop(n)
}
