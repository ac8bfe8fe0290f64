// Package api is the wire: what openapi.yaml calls a schema, as one struct each, with the strict reading and checking of
// what comes in and the one table from errors to problems.
//
// A body is read, checked and turned into a deed:
//
//	var body api.Asking
//	if err := api.Decode(r.Body, &body); err != nil { … } // 400: the bytes are not what the contract describes
//	invalid := api.Check(body)                            // 422: casework adds what the rules say
//	deed, confirmed := body.Deed(), body.Confirmed()
//
// A member that may be absent carries omitempty (or omitzero) in its json tag; it may also be null in a body, and is left
// out of an answer. contract_test.go holds that, and all else, against openapi.yaml.
package api
