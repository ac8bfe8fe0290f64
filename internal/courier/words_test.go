package courier_test

import (
	"strings"
	"testing"
	"time"

	"github.com/caldicott/caldicott/internal/caldicott"
	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/house"
)

// TestEveryNoticeAndEveryTaskHasWordsOfItsOwn sends each code of the two lists and reads what is said of it: not what is said
// of a code that nobody has words for, and of no two codes the same.
func TestEveryNoticeAndEveryTaskHasWordsOfItsOwn(t *testing.T) {
	t.Parallel()
	post := newPost(t)
	codes := map[string]string{} // id → code
	tell := func(code string, event vocabulary.Notice, wanted vocabulary.Task) {
		id := house.NewID()
		codes[id] = code
		post.take([]caldicott.Notice{{ID: id, Event: event, Wanted: wanted, At: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)}})
	}
	events, tasks := vocabulary.Codes[vocabulary.Notice]("notice"), vocabulary.Codes[vocabulary.Task]("task")
	if len(events) == 0 || len(tasks) == 0 {
		t.Fatal("the vocabulary has no such list")
	}
	for _, event := range events {
		tell(string(event), event, "")
	}
	for _, task := range tasks {
		tell("task "+string(task), "NO_SUCH_EVENT", task)
	}
	post.send()
	said := map[string]string{}
	for _, m := range post.relay.taken() {
		code, text := codes[m.id], decoded(t, m.text)
		_, body, _ := strings.Cut(text, "\n\n")
		isTask := strings.HasPrefix(code, "task ")
		if strings.Contains(body, "there is news") && !isTask || strings.Contains(body, "please look at it in the service") {
			t.Errorf("%s has no words of its own: %s", code, body)
		}
		if other, twice := said[body]; twice {
			t.Errorf("%s and %s are said in the same words: %s", code, other, body)
		}
		said[body] = code
	}
	if len(post.relay.taken()) != len(events)+len(tasks) {
		t.Errorf("%d of %d codes were sent", len(post.relay.taken()), len(events)+len(tasks))
	}
}
