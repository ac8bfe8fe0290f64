package caldicott

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/caldicott/caldicott/internal/caldicott/vocabulary"
	"github.com/caldicott/caldicott/internal/textfold"
	"pgregory.net/rapid"
)

func testGuard() Guard { return Guard{Fold: textfold.NFKC} }

// look gives BLOCK, WARN or ALLOW, as the scenarios write it.
func look(text string) string {
	findings := testGuard().Look([]Text{{"purpose", text}}, nil)
	switch {
	case len(findings) == 0:
		return "ALLOW"
	case findings[0].Severity == vocabulary.SeverityBlockSubmit:
		return "BLOCK"
	default:
		return "WARN"
	}
}

func TestTheGuardAnswersTheScenariosCases(t *testing.T) {
	t.Parallel()
	for _, c := range readScenarios(t).Guard {
		if got := look(c.Text); got != c.Expect {
			t.Errorf("%s: %s, want %s", c.Why, got, c.Expect)
		}
	}
}

func TestTheGuardSeesAnNHSNumberHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"9990123454", "a9990123454b", "(999-012-3454)", "999 012-3454", "x\n999 012 3454\ny", "12 999 012 3454",
		"999 012 3454 999 024 6904", "999 012 3455 999 024 6904", "9990123455,9990246904", "_999 012 3454_", "-999-012-3454-",
		"999\u00a0012\u00a03454", "999\u2011012\u20113454", "999\u2013012\u22123454", "999\u2009012\u202f3454",
		"999\u200b012\u200c3454", "9990\u200d12\ufeff3454", "99\u00ad90123454", "9\u2060990123454", "999\u202e0123454",
		"\ufe0f9990123454", "9\ufe0f\u20e39\ufe0f\u20e39\ufe0f\u20e30123454", "9\u03019\u034f90123454", "9\u180e990123454",
		"９９９０１２３４５４", "٩٩٩٠١٢٣٤٥٤", "۹۹۹ ۰۱۲ ۳۴۵۴", "९९९०१२३४५४", "⁹⁹⁹0123454", "⑨⑨⑨⓪①②③④⑤④", "❾❾❾⓿❶❷❸❹❺❹",
		"𝟗𝟗𝟗𝟎𝟏𝟐𝟑𝟒𝟓𝟒", "🯹🯹🯹🯰🯱🯲🯳🯴🯵🯴",
	} {
		if got := look(text); got != "BLOCK" {
			t.Errorf("%q: %s", text, got)
		}
	}
}

func TestTheGuardLetsOtherNumbersPass(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "no digits at all", "CG-TST01-2026-0101", "CG-RX1-2026-123456", "see CG-TST999-012-3454", "999-012-3454X", "é999 012 3454",
		"2026-10-25T00:40:00Z", "2026-10-25T01:40:00.123456789+01:00", "20261025T004000Z", "2026-10-25 to 2026-10-26",
		"call 0113 496 0100", "call 01134 960100", "07700 900123", "+44 7700 900123", "020 7946 0958", "0999 012 3454",
		"99901234541", "19990123454", "999 012 34541", "1999 012 3454", "999  012  3454", "999 012\n3454", "999.012.3454",
		"999 000 0000", "ref 9990123455", "IRAS 999001 and 99/CAG/0001 from 2014 to 2024",
		"newborn 03/04/1952", "the protocol was born", "03/04/1952", "born in 1952", "born\n03/04/1952",
		"born " + strings.Repeat("x", 31) + " 03/04/1952", "NHS nobody 9990123455", "NHS number\n9990123455",
		"9990123455 " + strings.Repeat("x", 30) + " NHS number",
		"unit number 12", "the hospital number from 2014-01-01", "hospital number, 2024/2025", "MRN under S251 support", "MRN in DPIA-2026-014",
		"phase B1 2nd draft", "NM1", "DCB0160", "NM1 2CC", "HSCA 2012 s.251B", "AES-256", "hospital 123456", "xmrn 123456",
	} {
		if got := look(text); got != "ALLOW" {
			t.Errorf("%q: %s", text, got)
		}
	}
}

func TestTheGuardWarnsOfWhatOnlyLooksLikeAnIdentifier(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"NHS number 9990123455", "nhs no. 999 012 3455", "NHS No: 999-012-3455", "9990123455 is the NHS Number", "nhs_number=9990123455",
		"NHS\u00a0number ９９９０１２３４５５", "NHSno999 012 3454", "NHS number" + strings.Repeat(" ", 30) + "9990123455",
		"DOB 3/4/1952", "03.04.1952 (dob)", "born on 3-4-1952", "date of birth: 1952-04-03", "Born 3 April 1952", "born 3rd of Apr 1952",
		"D.O.B. 03/04/1952", "patient_dob 03/04/1952", "born " + strings.Repeat("é", 28) + " 03/04/1952",
		"NM1 2AB", "sw1a1aa", "lives at nm1\u00a02ab.", "M1 1AE", "DN55 1PT", "EC1A 1BB", "GIR 0AA", "NM1 2ND",
		"MRN 123456", "hospital number: RX123456", "A123456 (hospital no)", "Unit Number 12/34567", "mrn:ABC123", "MRN 7421",
	} {
		if got := look(text); got != "WARN" {
			t.Errorf("%q: %s", text, got)
		}
	}
}

func TestAConfirmedNumberOnlyWarns(t *testing.T) {
	t.Parallel()
	texts := []Text{{"summary", "ref 9876543210"}, {"purpose", "ref 9876543210"}, {"benefit", "ref 9876543210"}}
	confirmed := []Confirmation{{"purpose", "A supplier's order number."}, {"benefit", "  "}}
	got := keys(testGuard().Look(texts, confirmed))
	want := []string{"V013 BLOCK_SUBMIT benefit", "V013 WARN purpose", "V013 BLOCK_SUBMIT summary"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTheGuardFindsOneThingInAField(t *testing.T) {
	t.Parallel()
	texts := []Text{{"purpose", "born 03/04/1952 at NM1 2AB\nref 9990123454"}, {"purpose", "MRN 123456"}}
	if got := keys(testGuard().Look(texts, nil)); !slices.Equal(got, []string{"V013 BLOCK_SUBMIT purpose"}) {
		t.Errorf("got %q", got)
	}
}

func TestAGuardWithoutFoldStillReadsDigitsOfEveryScript(t *testing.T) {
	t.Parallel()
	if got := (Guard{}).Look([]Text{{"title", "٩٩٩\u00a0٠١٢\u2011٣٤٥٤"}}, nil); len(got) != 1 {
		t.Errorf("got %q", got)
	}
}

// aNumber draws a valid NHS number.
func aNumber() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		for {
			nine := rapid.StringMatching(`[0-9]{9}`).Draw(t, "nine")
			for check := range 10 {
				if n := fmt.Sprint(nine, check); checkDigitRight(n) {
					return n
				}
			}
		}
	})
}

func TestEveryNHSNumberIsCaughtInEveryLayout(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := aNumber().Draw(t, "number")
		separators := []string{" ", "-", "\u00a0", "\u2011", "\u2013", "\u2007", "\u200b \u200b", "\ufeff-", "\u2212"}
		layouts := []string{
			n,
			strings.Join(strings.Split(n, ""), rapid.SampledFrom([]string{"\u200b", "\u00ad", "\u2060", "\u034f"}).Draw(t, "unseen")),
			n[:3] + rapid.SampledFrom(separators).Draw(t, "first") + n[3:6] + rapid.SampledFrom(separators).Draw(t, "second") + n[6:],
		}
		number := rapid.SampledFrom(layouts).Draw(t, "layout")
		if rapid.Bool().Draw(t, "other script") {
			zero := rapid.SampledFrom([]rune{'０', '٠', '०', '๐', '𝟎'}).Draw(t, "script")
			number = strings.Map(func(r rune) rune {
				if '0' <= r && r <= '9' {
					return zero + r - '0'
				}
				return r
			}, number)
		}
		around := rapid.StringMatching(`[ .,:;()\n\t-]{0,40}`)
		text := around.Draw(t, "before") + number + around.Draw(t, "after")
		if got := look(text); got != "BLOCK" {
			t.Fatalf("%q: %s", text, got)
		}
	})
}

func TestTheCheckDigitIsModulus11(t *testing.T) {
	t.Parallel()
	for number, right := range map[string]bool{
		"9434765919": true, "9990123454": true, "9876543210": true, "999 123 4560": false, "9990000000": false,
		"0000000000": true, "9434765918": false,
	} {
		if checkDigitRight(number) != right {
			t.Errorf("%s: want %v", number, right)
		}
	}
}

func TestTextsAreEveryFreeTextOfTheContent(t *testing.T) {
	t.Parallel()
	var c Content
	want := map[string]string{}
	fillTexts(reflect.ValueOf(&c).Elem(), "", want)
	got := map[string]string{}
	for _, text := range c.Texts() {
		got[text.Field] = text.Value
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if empty := (Content{}).Texts(); len(empty) != 0 {
		t.Errorf("an empty content has texts: %q", empty)
	}
}

// fillTexts writes into every free text its own path: a plain string, or a list of them, that is held to no form.
func fillTexts(v reflect.Value, path string, want map[string]string) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.Type().Elem().Kind() == reflect.Struct {
			v.Set(reflect.New(v.Type().Elem()))
			fillTexts(v.Elem(), path, want)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fillTexts(v.Index(i), fmt.Sprintf("%s[%d]", path, i), want)
		}
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() {
			v.SetString("text of " + path)
			want[path] = v.String()
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if name := jsonName(f); !hasForm(f) {
				fillTexts(v.Field(i), strings.TrimPrefix(path+"."+name, "."), want)
			}
		}
	}
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// hasForm: ids, codes, dates and countries are checked by their form; an attachment's id and digest are the service's.
func hasForm(f reflect.StructField) bool {
	for _, form := range []string{"user_id", "org_code", "date", "instant", "country", "code="} {
		if slices.ContainsFunc(strings.Split(f.Tag.Get("validate"), ","), func(s string) bool { return strings.HasPrefix(s, form) }) {
			return true
		}
	}
	return jsonName(f) == "id" || jsonName(f) == "sha256"
}

func FuzzGuard(f *testing.F) {
	for _, seed := range []string{"NHS no 999 012 3454", "born 03/04/1952", "nm1 2ab", "MRN 12345\xff", "٩٩٩٠١٢٣٤٥٤", "İ born 1952-04-03"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		findings := testGuard().Look([]Text{{"purpose", text}}, nil)
		if len(findings) > 1 {
			t.Fatalf("%d findings for one field", len(findings))
		}
		for _, finding := range findings {
			if hasDigit(finding.Message) || finding.Field != "purpose" {
				t.Fatalf("the finding may repeat what was written: %v", finding)
			}
		}
	})
}

func BenchmarkGuard(b *testing.B) {
	g := testGuard()
	for name, text := range map[string]string{
		"words":   strings.Repeat("Safe discharge and continuity of individual care. ", 20),
		"digits":  strings.Repeat("In 2026 there were 14,000 people on 23 wards. ", 20),
		"labels":  strings.Repeat("NHS number is kept 24 hours, born in 1952, MRN too. ", 20),
		"hostile": strings.Repeat("dob ", 1200) + strings.Repeat(" ", 40) + strings.Repeat("1/1/1900 ", 500),
		"script":  strings.Repeat("Naïve café – 14\u00a0000 people’s data. ", 20),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				g.Look([]Text{{"purpose", text}}, nil)
			}
		})
	}
}
