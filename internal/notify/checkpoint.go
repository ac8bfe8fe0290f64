package notify

import (
	"context"
	"fmt"
	"regexp"
	"time"
)

// noteForm is a signed checkpoint (c2sp.org/tlog-checkpoint): it leaves no room for a sentence.
var noteForm = regexp.MustCompile(`^[^\s+]+\n[0-9]{1,19}\n[A-Za-z0-9+/]{43}=\n\n(— [^\s+]+ [A-Za-z0-9+/]+={0,2}\n)+$`)

// maxNote is how long it may be, in bytes.
const maxNote = 64 << 10

// SendCheckpoint mails the signed checkpoint of the log on that day, as a file that whoever keeps it can verify the log
// against. Errors are as Send's; a retry on the same day has the same Message-ID.
func (m Mail) SendCheckpoint(ctx context.Context, to string, day time.Time, size int64, note string) error {
	if size < 0 || len(note) > maxNote || !noteForm.MatchString(note) {
		return &failure{text: "checkpoint: it is not of its form", permanent: true}
	}
	name := fmt.Sprintf("%s-%d.checkpoint", day.Format(time.DateOnly), size)
	return m.post(ctx, to, letter{
		id:      fmt.Sprintf("checkpoint-%s-%d", day.Format(time.DateOnly), size),
		subject: "Caldicott service: checkpoint of the audit log, " + day.Format(dayForm),
		body: "The attached file says what the audit log was on " + day.Format(longForm) + ". Please keep it where the service's\r\n" +
			"administrators cannot change it: with it anybody can show later that nothing was removed or altered since,\r\n" +
			"by: caldicott audit verify --anchor FILE\r\n\r\n" + footer,
		at: day, file: name, content: note,
	})
}
