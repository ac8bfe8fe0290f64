// Package assets holds what the service reads when it starts, as it was when the service was built: the contract, the
// policy and the migrations. It stands at the root because embedding cannot climb out of a folder.
package assets

import "embed"

// FS holds openapi.yaml and the folders policy and migrations.
//
//go:embed openapi.yaml policy migrations
var FS embed.FS
