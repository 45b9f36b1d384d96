# What ships to open, to replay and to learn from.
sessionsdir = $(datadir)/thinet-tui/sessions
dist_sessions_DATA = sessions/README.md sessions/fashion-vgg.onnx sessions/tour.tns \
	sessions/train-fashion-vgg.tns
