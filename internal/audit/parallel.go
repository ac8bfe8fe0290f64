package audit

import (
	"errors"
	"sync"
)

// atOnce is how many rows go to a goroutine together.
const atOnce = 512

var errStopped = errors.New("stopped")

// inOrder lets so many goroutines work on what is given, and then takes the items one at a time, in the order in which
// they were given. They go to the goroutines so many together; a few such batches are under way at once, however many
// there are.
func inOrder[T any](workers, together int, give func(func(T) error) error, work func(*T), take func(*T) error) error {
	type batch struct {
		items []T
		done  chan struct{}
	}
	todo, line, stop := make(chan *batch), make(chan *batch, 2*workers), make(chan struct{})
	var working sync.WaitGroup
	for range workers {
		working.Go(func() {
			for b := range todo {
				for i := range b.items {
					work(&b.items[i])
				}
				close(b.done)
			}
		})
	}
	var taken error
	working.Go(func() {
		for b := range line {
			<-b.done
			for i := 0; i < len(b.items) && taken == nil; i++ {
				if taken = take(&b.items[i]); taken != nil {
					close(stop)
				}
			}
		}
	})
	next := &batch{}
	send := func() error {
		next.done = make(chan struct{})
		line <- next
		todo <- next
		next = &batch{items: make([]T, 0, together)}
		select {
		case <-stop:
			return errStopped
		default:
			return nil
		}
	}
	err := give(func(item T) error {
		if next.items = append(next.items, item); len(next.items) < together {
			return nil
		}
		return send()
	})
	if err == nil {
		err = send()
	}
	close(todo)
	close(line)
	working.Wait()
	if taken != nil {
		return taken
	}
	return err
}
