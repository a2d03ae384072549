// Package picture draws what a dental practice's machines see, from geometry
// and noise alone: a head for the volume scanner, teeth for the sensors, faces
// and smiles for the camera. Nothing here was taken from a person. The same
// seed gives the same pixels.
package picture
