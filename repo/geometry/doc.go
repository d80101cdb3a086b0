// Package geometry reads, edits and writes the text files that tell where the
// segments of a detector are, and finds them in their repository.
//
//	g, err := geometry.Parse(file)
//	...
//	frame, err := g.Beam() // IP, or IP:V1
//	...
//	moved, err := g.Move(frame, geometry.Position{Z: -100000, RotZ: 90})
//	...
//	text := g.Bytes()
//
// # The file
//
// A line that begins with '#' is a comment, a blank one is nothing. Any other has
// 13 fields between blanks and is an object, placed in the frame of its parent
// (PSCalib/GeometryAccess.py):
//
//	field  name                   meaning
//	1, 2   parent, index          frame in which the object lies
//	3, 4   object, index          its own name; what lies in it names it as parent
//	5-7    x0, y0, z0             origin in the frame of the parent, um
//	8-10   rot_z, rot_y, rot_x    design angles, degrees
//	11-13  tilt_z, tilt_y, tilt_x measured deviations from them, degrees
//
// A parent that is no object is a top frame: IP, the interaction point, from which
// the beam runs towards negative z. An object right below a frame whose name begins
// with IP is read with a negative z0 whatever its sign in the file.
//
// A point of an object comes into the frame of its parent by rotations about z by
// rot_z + tilt_z, about y, and about x, and then by the shift to the origin.
//
// # Segments
//
// Objects with these names have pixels, all others are frames.
//
//	name                     pixels     pitch, um  between the chips, um  y
//	SENS2X1:V1               185x388    109.92     274.80 wide columns    falls with the row
//	EPIX100:V1               704x768    50         175 wide               rises with the row
//	EPIX10KA:V1              352x384    100        250 wide               falls with the row
//	EPIX10KA:V2              352x384    100        225 wide               falls with the row
//	JUNGFRAU:V1              512x1024   75         gaps of 2 pixels       falls with the row
//	JUNGFRAU:V2              512x1024   75         gaps of 2 pixels       rises with the row
//	PNCCD:V1                 512x512    75                                x along the rows, origin in the corner
//	MTRX:<r>:<c>:<pr>:<pc>   r x c      pr, pc                            x along the rows, origin in the corner
//	MTRX:V2:<r>:<c>:<pr>:<pc> r x c     pr, pc                            falls with the row, origin in the middle
//
// # The repository of geometry files
//
//	<repository>/<type>/<type>_<name>_<YYYYmmdd>.data          of a detector, by name and day
//	<repository>/<type>/<type>_<alias>_<YYYYmmddHHMMSS>.data   of hardware, by alias and second
//	<repository>/<type>/<type>_default.data                    of any detector of the type
//	<repository>/<type>/.aliases-<type>.txt                    aliases of hardware ids
//
// # Guarantees and limits
//
// Bytes is to the byte what psana writes: comments first, positions rounded to
// whole um, rotations to 0.001 and tilts to 0.00001 degrees. So writing loses
// digits, and a file that need not be edited is better copied. Parse refuses what
// psana could not read, and besides what is not finite or beyond 1e15, files above
// 1 MiB, objects that lie in one another in a circle, and more than 64 levels; real
// files have three. A Geometry is not safe for concurrent use while it is edited; a
// Repository is.
package geometry
