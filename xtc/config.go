package xtc

// Config is a decoded configuration object, or one of the small records of a
// smalldata file.
type Config interface {
	// Class returns the name of the class, "Epix.Config100aV2".
	Class() string
	// Shape returns the shape of the raw data array as psana gives it; nil where the
	// object does not tell.
	Shape() []int
	// Fields returns the contents in the order of the class.
	Fields() Fields
}

// Fields are the named contents of an object, in order.
type Fields []Field

// Field is one of them. Value is an integer, a float64, a string, []uint32, Fields
// or []Fields.
type Field struct {
	Name  string
	Value any
}

// decoder decodes one class.
type decoder struct {
	class  string
	decode func(object) (Config, error)
}

var decoders = map[TypeID]decoder{
	NewTypeID(TypeEpixConfig, 1):             {"Epix.ConfigV1", epixLayoutV1.decode},
	NewTypeID(TypeEpix10kConfig, 1):          {"Epix.Config10KV1", epixLayout10KV1.decode},
	NewTypeID(TypeEpix100aConfig, 1):         {"Epix.Config100aV1", epixLayout100aV1.decode},
	NewTypeID(TypeEpix100aConfig, 2):         {"Epix.Config100aV2", epixLayout100aV2.decode},
	NewTypeID(TypeEpix10kaConfig, 1):         {"Epix.Config10kaV1", epixLayout10kaV1.decode},
	NewTypeID(TypeEpix10kaConfig, 2):         {"Epix.Config10kaV2", epixLayout10kaV2.decode},
	NewTypeID(TypeEpix10kaQuadConfig, 1):     {"Epix.Config10kaQuadV1", (&arrayLayout{version: 1, quads: 1, quadSize: 812, digital: 12}).decode},
	NewTypeID(TypeEpix10kaQuadConfig, 2):     {"Epix.Config10kaQuadV2", (&arrayLayout{version: 2, quads: 1, quadSize: 1156, digital: 16}).decode},
	NewTypeID(TypeEpix10ka2MConfig, 1):       {"Epix.Config10ka2MV1", (&arrayLayout{version: 1, quads: 4, quadSize: 812, digital: 12}).decode},
	NewTypeID(TypeEpix10ka2MConfig, 2):       {"Epix.Config10ka2MV2", (&arrayLayout{version: 2, quads: 4, quadSize: 1156, digital: 16}).decode},
	NewTypeID(TypeJungfrauConfig, 1):         {"Jungfrau.ConfigV1", (&jungfrauLayout{size: 36}).decode},
	NewTypeID(TypeJungfrauConfig, 2):         {"Jungfrau.ConfigV2", (&jungfrauLayout{size: 60}).decode},
	NewTypeID(TypeJungfrauConfig, 3):         {"Jungfrau.ConfigV3", (&jungfrauLayout{size: 252, slots: 8}).decode},
	NewTypeID(TypeJungfrauConfig, 4):         {"Jungfrau.ConfigV4", (&jungfrauLayout{size: 828, slots: 32}).decode},
	NewTypeID(TypeCspadConfig, 1):            {"CsPad.ConfigV1", (&cspadLayout{size: 287804, masks: 36, noROI: true}).decode},
	NewTypeID(TypeCspadConfig, 2):            {"CsPad.ConfigV2", (&cspadLayout{size: 287808, masks: 36}).decode},
	NewTypeID(TypeCspadConfig, 3):            {"CsPad.ConfigV3", (&cspadLayout{size: 287844, masks: 72}).decode},
	NewTypeID(TypeCspadConfig, 4):            {"CsPad.ConfigV4", (&cspadLayout{size: 287892, masks: 72}).decode},
	NewTypeID(TypeCspadConfig, 5):            {"CsPad.ConfigV5", (&cspadLayout{size: 287928, masks: 76}).decode},
	NewTypeID(TypeCspad2x2Config, 1):         {"CsPad2x2.ConfigV1", (&cspad2x2Layout{size: 71996, masks: 36}).decode},
	NewTypeID(TypeCspad2x2Config, 2):         {"CsPad2x2.ConfigV2", (&cspad2x2Layout{size: 72008, masks: 40}).decode},
	NewTypeID(TypePnCCDconfig, 1):            {"PNCCD.ConfigV1", decodePnccdV1},
	NewTypeID(TypePnCCDconfig, 2):            {"PNCCD.ConfigV2", decodePnccdV2},
	NewTypeID(TypeRayonixConfig, 1):          {"Rayonix.ConfigV1", (&rayonixLayout{}).decode},
	NewTypeID(TypeRayonixConfig, 2):          {"Rayonix.ConfigV2", (&rayonixLayout{pattern: true, large: true}).decode},
	NewTypeID(TypeOpal1kConfig, 1):           {"Opal1k.ConfigV1", decodeOpal},
	NewTypeID(TypeAliasConfig, 1):            {"Alias.ConfigV1", decodeAlias},
	NewTypeID(TypePartitionConfig, 1):        {"Partition.ConfigV1", decodePartitionV1},
	NewTypeID(TypePartitionConfig, 2):        {"Partition.ConfigV2", decodePartitionV2},
	NewTypeID(TypeSmlDataConfig, 1):          {"SmlData.ConfigV1", decodeSmlDataConfig},
	NewTypeID(TypeSmlDataOrigDgramOffset, 1): {"SmlData.OrigDgramOffsetV1", decodeSmlDataOrigin},
	NewTypeID(TypeSmlDataProxy, 1):           {"SmlData.ProxyV1", decodeSmlDataProxy},
}

// decodeConfig decodes the object of a node. One without payload stands for a lost
// contribution, which psana does not store.
func decodeConfig(src source, n *Node) (Config, error) {
	d, ok := decoders[n.Contains]
	if !ok || n.size == 0 {
		return nil, ErrNotConfig // bare: most nodes are none, and scans ask all
	}
	return d.decode(object{src: src, class: d.class, off: n.PayloadOffset(), size: n.PayloadSize()})
}
