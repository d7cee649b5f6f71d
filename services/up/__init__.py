"""`mesh up`: everything in one supervised process tree."""
