"""Deep Dect: is this face real or a deepfake, how sure, and which parts of the face say so.

from deepdect import Detector
analysis = Detector().analyze("photo.jpg")
"""

from deepdect.analysis import Analysis, FaceAnalysis
from deepdect.detector import Detector
from deepdect.images import ImageError

__version__ = "0.5.0"
__all__ = ["Analysis", "Detector", "FaceAnalysis", "ImageError", "__version__"]
