// Package xtcdump prints what is in an XTC file: every datagram and every node with its
// offset, as JSON or as text for people.
//
//	err := xtcdump.JSON(os.Stdout, file, "e665-r0260-s00-c00.xtc", zone)
//
// The JSON has one object for the file, one line for each datagram and each node, and
// these fields; hexadecimal words are strings of eight digits:
//
//	file, file_size, dgrams, end_offset, error (of a broken file)
//	  index, offset, service, service_id, seqtype, extended, seconds, nanoseconds, ticks,
//	  fiducials, control, vector, env, damage, level, log, phy, contains, extent,
//	  run_tstamp_LA, nodes
//	    depth, offset, level, log, phy, src, type, typeid, version, contains, compressed,
//	    damage, extent, sizeofPayload
//	    pid, detector, detId, device, devId, pdsname     sources of level Source
//	    container, children_skipped                      containers
//	    config, psana_id, psana_panel_ids, psana_detector_id_or_name
//	    aliases, partition, sizeThreshold, origDgramOffset, proxy
//	    error                                            what is wrong with the node
//
// end_offset is where reading ended; run_tstamp_LA is the time stamp of the datagram's
// clock in the zone given, the facility's. Pixels are not printed.
package xtcdump
