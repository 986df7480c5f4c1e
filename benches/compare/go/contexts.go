package main

import (
	"context"
	"runtime"
	"sync"
)

// Tasks that neither wait nor yield by themselves do so every so many operations.
const stint = 100

func contextChildren() sample {
	const tasks = 8
	each := scaled(2_000_000, 8000) / tasks
	root, cancelRoot := context.WithCancel(context.Background())
	m := startMeter()
	var wg sync.WaitGroup
	for range tasks {
		wg.Add(1)
		go func() {
			for i := range each {
				ctx, cancel := context.WithCancel(root)
				if ctx.Err() != nil {
					fail("a child was cancelled")
				}
				cancel()
				if i%stint == 0 {
					runtime.Gosched()
				}
			}
			wg.Done()
		}()
	}
	wg.Wait()
	s := m.stop(tasks * each)
	last, cancel := context.WithCancel(root)
	cancelRoot()
	if last.Err() == nil {
		fail("a child lives on")
	}
	cancel()
	return s
}

func contextTrees(count, depth int) sample {
	type tree struct {
		nodes   []context.Context
		cancels []context.CancelFunc
	}
	trees := make([]tree, count)
	descendants := 0
	for i := range trees {
		root, cancel := context.WithCancel(context.Background())
		nodes, cancels := []context.Context{root}, []context.CancelFunc{cancel}
		level := nodes
		for range depth {
			var next []context.Context
			for _, parent := range level {
				for range 10 {
					child, cancel := context.WithCancel(parent)
					next, cancels = append(next, child), append(cancels, cancel)
				}
			}
			nodes = append(nodes, next...)
			level = next
		}
		trees[i] = tree{nodes, cancels}
		descendants += len(nodes) - 1
	}
	m := startMeter()
	for _, tree := range trees {
		tree.cancels[0]()
		runtime.Gosched()
	}
	s := m.stop(descendants)
	for _, tree := range trees {
		for _, node := range tree.nodes {
			if node.Err() == nil {
				fail("a descendant lives on")
			}
		}
	}
	return s
}

func contextDeadlines() sample {
	const tasks = 8
	each := scaled(1_000_000, 8000) / tasks
	m := startMeter()
	var wg sync.WaitGroup
	for range tasks {
		wg.Add(1)
		go func() {
			for range each {
				ctx, cancel := context.WithTimeout(context.Background(), long)
				runtime.Gosched()
				if ctx.Err() != nil {
					fail("the time is not up")
				}
				cancel()
			}
			wg.Done()
		}()
	}
	wg.Wait()
	return m.stop(tasks * each)
}
