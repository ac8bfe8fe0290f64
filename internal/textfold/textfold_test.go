package textfold

import "testing"

func TestLookAlikesBecomePlain(t *testing.T) {
	t.Parallel()
	if got := NFKC("９⁹⑨\u00a0ＮＨＳ\u2011ﬁ"); got != "999 NHS\u2010fi" {
		t.Errorf("got %q", got)
	}
}
