#!/usr/bin/env bash
# What comes after a decision, step by step, against a running `make run` in which walk.sh has been walked: a document, an
# incident that suspends, a variation, a review, a renewal, tasks and notices. curl and nothing else.
set -euo pipefail
. "$(dirname "$0")/ask.sh"

# authorised: reads the newest authorisation as the person, for its revision.
authorised() { ask 200 "$1" GET "/authorisations/$authorisation"; revision=$(etag); }
location() { grep -i '^location:' "$headers" | sed 's#.*/##' | tr -d '\r'; }
is() { [ "$(member "$1")" = "$2" ] || { echo "expected $1 $2:"; cat "$answer"; exit 1; }; }

ask 200 u-guardian GET '/authorisations?limit=1'
authorisation=$(member id) request=$(member request)
echo '— the requester adds a paper; a web page is not taken, and an NHS number in a name is refused'
file() { # file STATUS NAME: sends the file under that name
	got=$(curl -sS -o "$answer" -D "$headers" -w '%{http_code}' "$base/requests/$request/documents" \
		-H "Authorization: Bearer $(bin/caldicott token u-req-research)" -F "file=@$3;filename=$2" -F type=PROTOCOL)
	echo "u-req-research   POST  $2 $got $(member code)"
	[ "$got" = "$1" ] || { echo "expected $1:"; cat "$answer"; exit 1; }
}
file 201 protocol.txt docs/walkthrough/protocol.txt
document=$(location)
file 422 page.html docs/walkthrough/walk.sh
file 422 'about 943 476 5919.txt' docs/walkthrough/protocol.txt
is code V013
curl -sSi "$base/documents/$document" -H "Authorization: Bearer $(bin/caldicott token u-ig1)" | grep -i '^content-disposition\|^x-content-type-options'
echo '— an incident suspends; nothing may be released; the guardian reinstates'
ask 201 u-ig1 POST "/requests/$request/incidents" -d '{"number":"INC-2026-0042","authorisation":"'"$authorisation"'"}'
incident=$(location)
authorised u-guardian
is state SUSPENDED
ask 200 u-guardian GET "/authorisations/$authorisation/check?recipient=TST05"
ask 200 u-guardian POST "/authorisations/$authorisation/reinstatement" -H "If-Match: $revision" -d '{"reason":"A wrong address; nothing was opened."}'
is state ACTIVE
ask 200 u-ig1 POST "/incidents/$incident/updates" -d '{"reported_at":"'"$(date -u +%Y-%m-%dT%H:%M:%SZ)"'","lessons":"Check the address book first."}'
echo '— the guardian varies the dates: another authorisation takes its place'
authorised u-guardian
ask 201 u-guardian POST "/authorisations/$authorisation/variation" -H "If-Match: $revision" -d @docs/walkthrough/variation.json
ask 200 u-guardian GET "/authorisations/$authorisation"
is state SUPERSEDED
ask 200 u-guardian GET '/authorisations?limit=1'
authorisation=$(member id)
echo '— the requester asks for a review; somebody who took no part hears it; the guardian may not'
ask 201 u-req-research POST "/requests/$request/review-requests" -d '{"ground":"NEW_INFORMATION","text":"The steering group has met."}'
review=$(location)
ask 200 u-guardian GET "/reviews/$review"
ask 403 u-guardian POST "/reviews/$review/decision" -H "If-Match: $(etag)" -d '{"outcome":"REVIEW_UPHELD","reason":"Mine."}'
is code SD5
ask 200 u-review GET "/reviews/$review"
ask 200 u-review POST "/reviews/$review/decision" -H "If-Match: $(etag)" -d '{"outcome":"REVIEW_UPHELD","reason":"The dates are right."}'
echo '— the requester begins the renewal: a draft, filled in, with the difference; it needs to be looked at again'
authorised u-req-research
ask 201 u-req-research POST "/authorisations/$authorisation/renewal" -H "If-Match: $revision" -d '{}'
request=$(location)
ask 200 u-req-research GET "/requests/$request/renewal-difference"
deed 422 u-req-research submission '{}'
is code REQUIRED
deed 200 u-req-research submission '{"rechecked":["OPT_OUT","SECTION_251","DSPT","RECIPIENTS","AGREEMENTS"]}'
echo '— what waits for whom, and what people were told'
ask 200 u-req-research GET /tasks
ask 200 u-ig1 GET /tasks
ask 200 u-guardian GET /notices
bin/caldicott audit verify
