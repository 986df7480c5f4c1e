// What golang.org/x/sync has, on the standard library alone.

package main

import (
	"container/list"
	"context"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
)

// ---- errgroup

// group runs goroutines and keeps the first error.
type group struct {
	members sync.WaitGroup
	failed  sync.Once
	err     error
	cancel  context.CancelCauseFunc
}

func groupWithContext(parent context.Context) (*group, context.Context) {
	ctx, cancel := context.WithCancelCause(parent)
	return &group{cancel: cancel}, ctx
}

func (g *group) start(member func() error) {
	g.members.Add(1)
	go func() {
		defer g.members.Done()
		if err := member(); err != nil {
			g.failed.Do(func() {
				g.err = err
				g.cancel(err)
			})
		}
	}()
}

func (g *group) wait() error {
	g.members.Wait()
	g.cancel(g.err)
	return g.err
}

// failed is the error of a round.
type failed int

func (f failed) Error() string { return "round " + strconv.Itoa(int(f)) }

func errgroup() sample {
	const tasks = 1000
	rounds := scaled(1000, 10)
	m := startMeter()
	for round := range rounds {
		group, ctx := groupWithContext(context.Background())
		for member := range tasks {
			group.start(func() error {
				if member == round%tasks {
					return failed(round)
				}
				return nil
			})
		}
		err := group.wait()
		if err != failed(round) || ctx.Err() == nil {
			fail("the error was lost, or that of another round: %v", err)
		}
	}
	return m.stop(tasks * rounds)
}

// ---- semaphore

// weighted is a semaphore that serves in the order of coming.
type weighted struct {
	mu   sync.Mutex
	free int
	line list.List // of request
}

type request struct {
	n       int
	granted chan struct{}
}

func (w *weighted) acquire(ctx context.Context, n int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w.mu.Lock()
	if w.line.Len() == 0 && n <= w.free {
		w.free -= n
		w.mu.Unlock()
		return nil
	}
	granted := make(chan struct{})
	place := w.line.PushBack(request{n, granted})
	w.mu.Unlock()
	select {
	case <-granted:
		return nil
	case <-ctx.Done():
		return w.giveUp(ctx, n, granted, place)
	}
}

func (w *weighted) giveUp(ctx context.Context, n int, granted <-chan struct{}, place *list.Element) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-granted:
		w.free += n
	default:
		w.line.Remove(place)
	}
	w.serve()
	return ctx.Err()
}

func (w *weighted) release(n int) {
	w.mu.Lock()
	w.free += n
	w.serve()
	w.mu.Unlock()
}

func (w *weighted) serve() {
	for first := w.line.Front(); first != nil; first = w.line.Front() {
		request := first.Value.(request)
		if request.n > w.free {
			return
		}
		w.free -= request.n
		w.line.Remove(first)
		close(request.granted)
	}
}

// semaphore is one of the two, with the weights that tasks take in turn.
type semaphore struct {
	size    int
	weights [3]int
	acquire func(n int)
	release func(n int)
	isWhole func() bool
}

func newWeighted() semaphore {
	const size = 4
	w := &weighted{free: size}
	ctx := context.Background()
	return semaphore{
		size, [3]int{1, 2, 3},
		func(n int) { must(w.acquire(ctx, n)) },
		w.release,
		func() bool { return w.free == size },
	}
}

// newSlots is a buffered channel, which knows no weights: its size is half as much, and everybody takes one.
func newSlots() semaphore {
	const size = 2
	slots := make(chan struct{}, size)
	return semaphore{
		size, [3]int{1, 1, 1},
		func(int) { slots <- struct{}{} },
		func(int) { <-slots },
		func() bool { return len(slots) == 0 },
	}
}

func semaphoreUncontended(s semaphore) sample {
	n := scaled(20_000_000, 1000)
	m := startMeter()
	for range n {
		s.acquire(s.weights[1])
		s.release(s.weights[1])
	}
	sample := m.stop(n)
	if !s.isWhole() {
		fail("something was not given back")
	}
	return sample
}

func semaphoreContended(s semaphore) sample {
	const tasks = 8
	each := scaled(2_000_000, 8000) / tasks
	var inside atomic.Int64
	m := startMeter()
	var wg sync.WaitGroup
	for range tasks {
		wg.Add(1)
		go func() {
			for i := range each {
				n := s.weights[i%3]
				s.acquire(n)
				if int(inside.Add(int64(n))) > s.size {
					fail("more was taken than there is")
				}
				runtime.Gosched()
				inside.Add(-int64(n))
				s.release(n)
			}
			wg.Done()
		}()
	}
	wg.Wait()
	sample := m.stop(tasks * each)
	if !s.isWhole() {
		fail("something was not given back")
	}
	return sample
}

// ---- singleflight

// flights are calls by key that are on their way.
type flights struct {
	mu    sync.Mutex
	calls map[string]*flight
}

type flight struct {
	over  sync.WaitGroup
	value uint64
}

func (f *flights) run(key string, call func() uint64) uint64 {
	f.mu.Lock()
	if found, ok := f.calls[key]; ok {
		f.mu.Unlock()
		found.over.Wait()
		return found.value
	}
	own := new(flight)
	own.over.Add(1)
	f.calls[key] = own
	f.mu.Unlock()
	own.value = call()
	f.mu.Lock()
	delete(f.calls, key)
	f.mu.Unlock()
	own.over.Done()
	return own.value
}

func singleflight() sample {
	const callers = 1000
	rounds := scaled(1000, 10)
	group := flights{calls: map[string]*flight{}}
	var calls, sum atomic.Uint64
	m := startMeter()
	for round := range rounds {
		var asked, over sync.WaitGroup
		asked.Add(callers)
		over.Add(callers)
		for range callers {
			go func() {
				asked.Done()
				sum.Add(group.run("key", func() uint64 {
					calls.Add(1)
					asked.Wait()
					return uint64(round)
				}))
				over.Done()
			}()
		}
		over.Wait()
	}
	s := m.stop(callers * rounds)
	if int(sum.Load()) != callers*rounds*(rounds-1)/2 {
		fail("somebody got another round's value")
	}
	// One who has said that it asks, and has not, may come too late.
	if n := int(calls.Load()); n < rounds || n >= rounds*callers/10 {
		fail("calls were not shared")
	}
	return s
}
