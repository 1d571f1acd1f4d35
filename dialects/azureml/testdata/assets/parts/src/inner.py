print("inner")
