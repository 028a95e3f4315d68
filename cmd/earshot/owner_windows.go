package main

import "io/fs"

// ownedByUs is true: the temp folder of Windows belongs to its user.
func ownedByUs(fs.FileInfo) bool { return true }
