# What ships to open, to replay and to learn from.
sessionsdir = $(datadir)/thinet-tui/sessions
dist_sessions_DATA = sessions/README.md sessions/budget.thinet sessions/fashion-vgg.onnx sessions/methods.thinet \
	sessions/record-budget.tns sessions/record-methods.tns sessions/record-resnet20.tns sessions/record-tour.tns \
	sessions/resnet20.thinet sessions/tour.thinet sessions/tour.tns sessions/train-fashion-vgg.tns

# In order of name: the library lists them so.
RECIPES = \
	sessions/recipes/fashion-quarter.tns \
	sessions/recipes/resnet50-blocks.tns \
	sessions/recipes/thinet-30.tns \
	sessions/recipes/thinet-50.tns \
	sessions/recipes/thinet-70.tns \
	sessions/recipes/thinet-conv.tns \
	sessions/recipes/thinet-gap.tns \
	sessions/recipes/thinet-tiny.tns \
	sessions/recipes/train-from-scratch.tns \
	sessions/recipes/transfer.tns
recipesdir = $(sessionsdir)/recipes
dist_recipes_DATA = $(RECIPES)
