package vault

import "errors"

// Files tells casework what files are.
type Files struct{}

// Inspect gives a name fit to be kept and the media type, by content; or the code of why the file is not taken: NAME, or a
// Refused's reason.
func (Files) Inspect(name string, content []byte) (clean, mediaType, refused string) {
	clean, ok := CleanName(name)
	if !ok {
		return "", "", "NAME"
	}
	mediaType, err := Kind(clean, content)
	if why, is := errors.AsType[Refused](err); is {
		return "", "", why.Reason
	}
	if err != nil {
		return "", "", ReasonMalformed
	}
	return clean, mediaType, ""
}

// Disposition has a browser save the file under its name.
func (Files) Disposition(name string) string { return Disposition(name) }
