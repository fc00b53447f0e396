//! What real models contain gives no finding above information: names met in the models of public
//! packages, in each of their spellings.

use super::{names, pickle};
use crate::knowledge::table;
use wb_core::{Capability, Severity, Verdict};

/// Names that models call or build; alternatives of the last segment behind `|`.
const ORDINARY: &str = "
collections.OrderedDict|defaultdict|deque|Counter _codecs.encode copy_reg._reconstructor copyreg._reconstructor
copyreg.__newobj__|__newobj_ex__ __builtin__.set|list|dict|long|object|slice|getattr|bytearray|range|complex|xrange|unicode|frozenset
builtins.slice|range|set|bytearray|getattr|print|list|complex|object datetime.datetime|date|timedelta|timezone|time decimal.Decimal
fractions.Fraction uuid.UUID pathlib.PosixPath|WindowsPath|PurePosixPath argparse.Namespace types.SimpleNamespace
functools.partial operator.attrgetter operator.itemgetter typing.Any re._compile logging.Logger|getLogger random.Random
zlib.decompress _io.BytesIO array._array_reconstructor itertools.count
numpy.ndarray|dtype|float64|int64|bool_|float32|int32|log1p|matrix numpy.core.multiarray._reconstruct|scalar
numpy._core.multiarray._reconstruct|scalar numpy.core.numeric._frombuffer numpy._core.numeric._frombuffer
numpy.matrixlib.defmatrix.matrix numpy.ma.core._mareconstruct|MaskedArray
numpy.random._pickle.__randomstate_ctor|__generator_ctor|__bit_generator_ctor numpy.random.mtrand.RandomState|_rand
numpy.core._ufunc_reconstruct numpy._core._multiarray_umath.add numpy.dtypes.Float64DType|StringDType numpy.core.records.recarray
numpy.poly1d scipy.sparse._csr.csr_matrix|csr_array scipy.sparse.csr.csr_matrix scipy.sparse._csc.csc_matrix scipy.sparse._coo.coo_matrix
scipy.interpolate._interpolate.interp1d|PPoly scipy.interpolate._bsplines.BSpline scipy.spatial._kdtree.KDTree scipy.spatial._ckdtree.cKDTree
scipy.stats._distn_infrastructure.rv_continuous_frozen scipy.special._ufuncs.expit
pandas.core.frame.DataFrame pandas.core.series.Series pandas.core.indexes.base._new_Index|Index pandas.core.indexes.range.RangeIndex
pandas.core.indexes.multi.MultiIndex pandas.core.indexes.datetimes.DatetimeIndex|_new_DatetimeIndex
pandas.core.internals.managers.BlockManager|SingleBlockManager pandas.core.internals.blocks.new_block
pandas._libs.internals._unpickle_block pandas._libs.arrays.__pyx_unpickle_NDArrayBacked
pandas._libs.tslibs.timestamps._unpickle_timestamp pandas._libs.tslibs.nattype._nat_unpickle
pandas.core.arrays.categorical.Categorical pytz._UTC|_p dateutil.tz.tz.tzutc
sklearn.svm._classes.SVC sklearn.pipeline.Pipeline sklearn.tree._tree.Tree sklearn.neighbors._kd_tree.newObj|KDTree
sklearn._loss._loss.CyHalfBinomialLoss sklearn.linear_model._sgd_fast.Hinge sklearn.metrics._dist_metrics.newObj
sklearn._loss._loss.__pyx_unpickle_CyHalfBinomialLoss sklearn.svm.classes.SVC sklearn.externals.joblib.numpy_pickle.NumpyArrayWrapper
sklearn.preprocessing.label.LabelEncoder sklearn.tree.tree.DecisionTreeClassifier sklearn.preprocessing._function_transformer.FunctionTransformer
sklearn.utils._bunch.Bunch sklearn.ensemble._forest.RandomForestClassifier sklearn.cluster._kmeans.KMeans
sklearn.metrics._scorer._PredictScorer feature_engine.imputation.mean_median.MeanMedianImputer category_encoders.target_encoder.TargetEncoder
imblearn.over_sampling._smote.base.SMOTE sklearn_crfsuite.estimator.CRF sklearn_crfsuite._fileresource.FileResource
pycrfsuite._logparser.TrainLogParser mlxtend.classifier.stacking_cv_classification.StackingCVClassifier
joblib.numpy_pickle.NumpyArrayWrapper|NDArrayWrapper|ZNDArrayWrapper
xgboost.core.Booster xgboost.sklearn.XGBClassifier|XGBRegressor lightgbm.basic.Booster lightgbm.sklearn.LGBMClassifier|LGBMRegressor
catboost.core.CatBoostClassifier keras.src.models.sequential.Sequential._unpickle_model keras.src.models.functional.Functional._unpickle_model
torch._utils._rebuild_tensor|_rebuild_tensor_v2|_rebuild_tensor_v3|_rebuild_parameter|_rebuild_parameter_with_state|_rebuild_qtensor|_rebuild_sparse_tensor|_rebuild_nested_tensor|_rebuild_device_tensor_from_numpy|_rebuild_meta_tensor_no_storage
torch.FloatStorage|HalfStorage|BFloat16Storage|LongStorage|device|Size|float32|bfloat16|Tensor|Generator torch.cuda.FloatStorage
torch.storage.UntypedStorage|TypedStorage torch.nn.parameter.Parameter torch.torch_version.TorchVersion torch.serialization._get_layout
torch.nn.modules.linear.Linear torch.nn.modules.container.Sequential torch.optim.adam.Adam torch.optim.lr_scheduler.LambdaLR
torch.distributions.normal.Normal torch._C._nn.gelu torch.nn.functional.relu torch.jit._pickle.build_intlist|build_tensorlist|restore_type_tag
__torch__.models.Net __torch__.torch.nn.modules.linear.___torch_mangle_12.Linear torch.nn.backends.thnn._get_thnn_function_backend
torch.backends.cudnn.rnn.Unserializable torch.fx.graph_module.reduce_graph_module
pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint pytorch_lightning.callbacks.early_stopping.EarlyStopping
lightning.fabric.utilities.data.AttributeDict omegaconf.dictconfig.DictConfig omegaconf.listconfig.ListConfig
omegaconf.base.ContainerMetadata|Metadata omegaconf.nodes.AnyNode pyannote.audio.core.task.Specifications|Problem|Resolution
pyannote.audio.core.model.Introspection transformers.training_args.TrainingArguments|OptimizerNames
transformers.trainer_utils.IntervalStrategy|SchedulerType|HubStrategy|SaveStrategy|FSDPOption
transformers.trainer_pt_utils.AcceleratorConfig transformers.integrations.deepspeed.HfTrainerDeepSpeedConfig accelerate.state.PartialState
accelerate.utils.dataclasses.DistributedType|DeepSpeedPlugin trl.trainer.sft_config.SFTConfig tokenizers.Tokenizer|AddedToken tokenizers.models.Model
ultralytics.nn.tasks.DetectionModel|SegmentationModel|PoseModel|WorldModel ultralytics.nn.modules.block.C2f ultralytics.nn.modules.conv.Conv
ultralytics.nn.modules.head.Detect models.yolo.Model models.common.Conv|C3|SPPF yolov5.models.yolo.Model ultralytics.utils.IterableSimpleNamespace
ultralytics.utils.loss.v8DetectionLoss ultralytics.utils.tal.TaskAlignedAssigner dill._dill._load_type
timm.utils.model_ema.ModelEma TTS.tts.configs.vits_config.VitsConfig TTS.utils.radam.RAdam fastai.learner.Learner fastcore.basics.L
flair.data.Dictionary gensim.models.keyedvectors.KeyedVectors gensim.models.word2vec.Word2Vec
nltk.tokenize.punkt.PunktSentenceTokenizer|PunktParameters|PunktToken nltk.tag.perceptron.PerceptronTagger nltk.probability.FreqDist
statsmodels.regression.linear_model.RegressionResultsWrapper patsy.desc.ModelDesc patsy.design_info.DesignInfo patsy.eval.EvalFactor
attr._make.Factory easydict.EasyDict keras.layers.Dense keras.src.layers.core.dense.Dense tensorflow.math.reduce_mean tensorflow.square
keras.backend.mean keras.ops.relu tf_keras.backend.abs math.sqrt
";

/// Loss classes of YOLO begin with a small `v`.
const SMALL_LETTERED: [&str; 1] = ["ultralytics.utils.loss.v8DetectionLoss"];

fn ordinary() -> impl Iterator<Item = String> {
    ORDINARY.split_whitespace().flat_map(|entry| {
        let (module, lasts) = entry.rsplit_once('.').expect("every entry has a module");
        lasts.split('|').map(move |last| format!("{module}.{last}")).collect::<Vec<_>>()
    })
}

#[test]
fn what_models_are_made_of_is_no_finding() {
    for name in ordinary().filter(|name| !SMALL_LETTERED.contains(&&**name)) {
        let known = table().known(&name);
        let capability = known.map(|known| known.fact.capability);
        match capability {
            Some(Capability::Inert) => continue,
            // These are as harmless as what they are given, which the analysis follows.
            Some(capability @ (Capability::CallArgument | Capability::Resolve)) => {
                let examined = pickle(&name, capability);
                assert_eq!(examined.verdict, Verdict::Clean, "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn classes_of_private_projects_are_unknown_and_no_more() {
    for name in [
        "titanic_model.processing.features.ExtractLetter",
        "model.BDA",
        "__main__.Net",
        SMALL_LETTERED[0],
    ] {
        assert!(table().known(name).is_none() || SMALL_LETTERED.contains(&name), "{name}");
        let examined = pickle(name, Capability::Unknown);
        assert_eq!(names(&examined), ["pickle-unknown-callable"], "{name}");
        assert!(examined.verdict <= Verdict::Suspicious, "{name}");
        assert!(examined.findings.iter().all(|finding| finding.severity <= Severity::Medium));
    }
}
