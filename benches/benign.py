"""Writes ordinary models of many classes and scans them: every one should be clean.

    python benches/benign.py FOLDER [--scan target/release/weighbridge]

Needs scikit-learn, xgboost, lightgbm, statsmodels, pandas, scipy and joblib; families whose package is not
installed are left out and named. The models are fitted to some rows of made-up numbers. Prints a table in
Markdown: files of each family, how many are clean, and what was said about the others.
"""

import argparse
import collections
import datetime
import decimal
import importlib
import io
import json
import os
import pathlib
import pickle
import subprocess
import sys
import warnings

warnings.filterwarnings("ignore")
# The models are tiny; threads of several libraries would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def sklearn_models():
    import numpy as np
    from sklearn import compose, feature_extraction, model_selection, pipeline, preprocessing
    from sklearn.utils import all_estimators

    rng = np.random.default_rng(0)
    rows = np.abs(rng.normal(size=(40, 4))) + 0.1
    labels = (rows[:, 0] > rows[:, 1]).astype(int)
    texts = ["a model of words", "zombie malware trojan", "words and more words", "eval exec import os"] * 10
    for name, kind in all_estimators():
        for arguments in ({}, {"estimator": None}, {"estimators": None}):
            try:
                estimator = build(kind, arguments)
                target = labels.astype(float) if name.endswith(("Regressor", "Regression")) else labels
                fitted = fit(estimator, rows, target, texts)
            except Exception:
                continue
            yield name, fitted
            break
    steps = [("log", preprocessing.FunctionTransformer(np.log1p)), ("scale", preprocessing.StandardScaler())]
    columns = compose.ColumnTransformer([("numbers", pipeline.Pipeline(steps), [0, 1])], remainder="passthrough")
    from sklearn.linear_model import LogisticRegression

    whole = pipeline.Pipeline([("columns", columns), ("model", LogisticRegression())]).fit(rows, labels)
    yield "Pipeline-of-columns", whole
    search = model_selection.GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(rows, labels)
    yield "GridSearchCV", search
    words = pipeline.make_pipeline(feature_extraction.text.TfidfVectorizer(), LogisticRegression())
    yield "Tfidf-pipeline", words.fit(texts, [0, 1, 0, 1] * 10)


def build(kind, arguments):
    from sklearn.linear_model import LogisticRegression, Ridge

    if "estimator" in arguments:
        return kind(estimator=LogisticRegression())
    if "estimators" in arguments:
        return kind(estimators=[("one", Ridge()), ("two", Ridge(2.0))])
    return kind()


def fit(estimator, rows, target, texts):
    for given in ((rows, target), (rows,), (texts, target), (texts,), ([{"a": 1.0, "b": 2.0}] * 4,), (target,)):
        try:
            return estimator.fit(*given)
        except Exception as error:
            last = error
    raise last


def xgboost_models():
    import numpy as np
    import xgboost

    rows = np.random.default_rng(1).normal(size=(60, 3))
    labels = (rows[:, 0] > 0).astype(int)
    for kind in ("XGBClassifier", "XGBRegressor", "XGBRFClassifier", "XGBRFRegressor"):
        yield kind, getattr(xgboost, kind)(n_estimators=3, max_depth=2).fit(rows, labels)
    yield "XGBRanker", xgboost.XGBRanker(n_estimators=3).fit(rows, labels, group=[30, 30])
    booster = xgboost.train({"max_depth": 2}, xgboost.DMatrix(rows, labels), 3)
    yield "Booster", booster
    yield "Booster.json", Native(booster.save_model, ".json")
    yield "Booster.ubj", Native(booster.save_model, ".ubj")


def lightgbm_models():
    import lightgbm
    import numpy as np

    rows = np.random.default_rng(2).normal(size=(80, 3))
    labels = (rows[:, 0] > 0).astype(int)
    for kind in ("LGBMClassifier", "LGBMRegressor"):
        yield kind, getattr(lightgbm, kind)(n_estimators=3, verbose=-1).fit(rows, labels)
    yield "LGBMRanker", lightgbm.LGBMRanker(n_estimators=3, verbose=-1).fit(rows, labels, group=[40, 40])
    booster = lightgbm.train({"verbose": -1}, lightgbm.Dataset(rows, labels), 3)
    yield "Booster", booster
    yield "Booster.txt", Native(booster.save_model, ".txt")


def statsmodels_models():
    import numpy as np
    import pandas
    import statsmodels.api as sm
    import statsmodels.formula.api as smf
    from statsmodels.tsa.api import VAR, ExponentialSmoothing, SimpleExpSmoothing
    from statsmodels.tsa.arima.model import ARIMA

    rng = np.random.default_rng(3)
    rows = sm.add_constant(rng.normal(size=(60, 2)))
    target = rows @ [1.0, 2.0, 3.0] + rng.normal(size=60)
    counts = rng.poisson(3, size=60)
    table = pandas.DataFrame({"y": target, "a": rows[:, 1], "b": rows[:, 2], "group": list("xy") * 30})
    yield "OLS", sm.OLS(target, rows).fit()
    yield "WLS", sm.WLS(target, rows).fit()
    yield "GLS", sm.GLS(target, rows).fit()
    yield "RLM", sm.RLM(target, rows).fit()
    yield "QuantReg", sm.QuantReg(target, rows).fit()
    yield "GLM", sm.GLM(counts, rows, family=sm.families.Poisson()).fit()
    yield "Logit", sm.Logit((target > 0).astype(int), rows).fit(disp=0)
    yield "Probit", sm.Probit((target > 0).astype(int), rows).fit(disp=0)
    yield "Poisson", sm.Poisson(counts, rows).fit(disp=0)
    yield "formula-ols", smf.ols("y ~ a + np.log(b ** 2 + 1) + C(group)", table).fit()
    yield "MixedLM", smf.mixedlm("y ~ a", table, groups=table["group"]).fit()
    yield "ARIMA", ARIMA(target, order=(1, 0, 0)).fit()
    yield "VAR", VAR(rows[:, 1:]).fit(1)
    yield "ExponentialSmoothing", ExponentialSmoothing(target, trend="add").fit()
    yield "SimpleExpSmoothing", SimpleExpSmoothing(target, initialization_method="estimated").fit()
    density = sm.nonparametric.KDEUnivariate(target)
    density.fit()
    yield "KDEUnivariate", density


def pandas_objects():
    import numpy as np
    import pandas as pd

    when = pd.date_range("2026-01-01", periods=4, tz="UTC")
    table = pd.DataFrame({
        "number": [1.0, 2.0, np.nan, 4.0], "text": list("abcd"), "when": when,
        "kind": pd.Categorical(list("xyxy")), "whole": pd.array([1, None, 3, 4], dtype="Int64"),
        "flag": pd.array([True, False, None, True], dtype="boolean"),
    })
    yield "DataFrame", table
    yield "Series", table["number"]
    yield "categories", table["kind"]
    yield "multi-index", table.set_index(["text", "kind"])
    yield "group", table.groupby("kind")["number"].mean()
    yield "period", pd.Series(pd.period_range("2026-01", periods=3, freq="M"))
    yield "interval", pd.cut(pd.Series([1, 2, 3, 4]), 2)
    yield "timedelta", pd.Series(pd.to_timedelta([1, 2, 3], unit="h"))
    yield "sparse", pd.Series(pd.arrays.SparseArray([0, 0, 1]))
    yield "timestamps", [pd.Timestamp("2026-01-01", tz="UTC"), pd.NaT, pd.Timedelta("1D"), pd.Period("2026")]


def numpy_objects():
    import numpy as np

    yield "arrays", {str(kind): np.ones((3, 2), kind) for kind in "?bhilqBHILQefdFDSUmM" if kind not in "mM"}
    yield "times", np.array(["2026-01-01"], "datetime64[D]")
    yield "structured", np.zeros(2, [("a", "f4"), ("b", "i8", (2,))])
    yield "objects", np.array([None, "text", 3], object)
    yield "masked", np.ma.masked_array([1, 2, 3], [0, 1, 0])
    yield "matrix", np.matrix([[1, 2]])
    yield "records", np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f4")])
    yield "scalars", [np.float32(1), np.int64(2), np.bool_(True), np.str_("x"), np.complex64(1)]
    yield "generators", [np.random.default_rng(1), np.random.RandomState(1), np.random.PCG64(1)]
    yield "polynomials", [np.poly1d([1, 2]), np.polynomial.Polynomial([1, 2]), np.polynomial.Chebyshev([1, 2])]
    yield "ufuncs", [np.log1p, np.add, np.sqrt]
    yield "order", np.asfortranarray(np.ones((3, 4)))
    yield "dtype", np.dtype("f4")


def scipy_objects():
    import numpy as np
    from scipy import interpolate, sparse, spatial, special, stats

    full = np.eye(4)
    for kind in ("csr", "csc", "coo", "bsr", "dia", "dok", "lil"):
        yield f"sparse-{kind}", getattr(sparse, f"{kind}_matrix")(full)
        yield f"sparse-array-{kind}", getattr(sparse, f"{kind}_array")(full)
    at = np.linspace(0, 1, 6)
    yield "interp1d", interpolate.interp1d(at, at**2)
    yield "CubicSpline", interpolate.CubicSpline(at, at**2)
    yield "BSpline", interpolate.make_interp_spline(at, at**2)
    yield "UnivariateSpline", interpolate.UnivariateSpline(at, at**2)
    yield "RegularGridInterpolator", interpolate.RegularGridInterpolator((at,), at)
    yield "RBFInterpolator", interpolate.RBFInterpolator(at[:, None], at)
    yield "KDTree", spatial.KDTree(full)
    yield "cKDTree", spatial.cKDTree(full)
    yield "Rotation", spatial.transform.Rotation.identity()
    yield "frozen", [stats.norm(0, 1), stats.poisson(3), stats.multivariate_normal([0, 0])]
    yield "kde", stats.gaussian_kde(np.arange(10.0))
    yield "special", special.expit


def plain_objects():
    Point = collections.OrderedDict
    yield "collections", [Point(a=1), collections.Counter("abc"), collections.deque([1]), collections.defaultdict(list)]
    yield "times", [datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc), datetime.timedelta(1)]
    yield "numbers", [decimal.Decimal("1.5"), complex(1, 2), 1 << 200, {1, 2}, frozenset([3]), bytearray(b"x")]
    yield "paths", [pathlib.PurePosixPath("a/b"), pathlib.PurePosixPath("c")]
    yield "nested", {"layers": [{"w": [0.1] * 50, "name": f"layer{at}"} for at in range(20)]}


class Native:
    """A model that its library writes by itself."""

    def __init__(self, save, suffix):
        self.save, self.suffix = save, suffix


FAMILIES = {
    "scikit-learn": ("sklearn", sklearn_models),
    "xgboost": ("xgboost", xgboost_models),
    "lightgbm": ("lightgbm", lightgbm_models),
    "statsmodels": ("statsmodels", statsmodels_models),
    "pandas": ("pandas", pandas_objects),
    "numpy": ("numpy", numpy_objects),
    "scipy": ("scipy", scipy_objects),
    "standard library": ("collections", plain_objects),
}


def write(folder, name, model):
    """Writes one model in the ways in which it is kept."""
    if isinstance(model, Native):
        model.save(str(folder / (name.removesuffix(model.suffix) + model.suffix)))
        return
    for protocol in (2, 4, 5):
        try:
            data = pickle.dumps(model, protocol)
        except Exception:
            continue
        (folder / f"{name}.p{protocol}.pkl").write_bytes(data)
    try:
        import joblib

        # What cannot be pickled leaves half a file behind.
        whole = io.BytesIO()
        joblib.dump(model, whole)
    except Exception:
        return
    (folder / f"{name}.joblib").write_bytes(whole.getvalue())
    joblib.dump(model, folder / f"{name}.joblib.gz", compress=3)


def scan(program, folder):
    """What is said about each file of a folder."""
    run = subprocess.run([program, "scan", "--no-hash", "--format", "json", str(folder)], capture_output=True, text=True)
    report = json.loads(run.stdout)
    verdicts = {one["path"]: one["verdict"] for one in report["artifacts"]}
    said = collections.defaultdict(list)
    for finding in report["findings"]:
        if finding["severity"] != "info":
            said[finding["artifact"]].append(finding["headline"])
    return verdicts, said


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--scan", metavar="PROGRAM")
    arguments = parser.parse_args()
    rows, reasons = [], collections.Counter()
    for family, (module, models) in FAMILIES.items():
        folder = arguments.folder / family.replace(" ", "-")
        try:
            version = getattr(importlib.import_module(module), "__version__", sys.version.split()[0])
        except ImportError:
            print(f"{family} is not installed", file=sys.stderr)
            continue
        if not folder.is_dir():
            folder.mkdir(parents=True)
            for name, model in models():
                write(folder, name, model)
        if arguments.scan:
            verdicts, said = scan(arguments.scan, folder)
            clean = sum(verdict == "clean" for verdict in verdicts.values())
            rows.append((family, version, len(verdicts), clean))
            for path, headlines in said.items():
                reasons.update((family, headline) for headline in set(headlines))
    if rows:
        print("| family | version | files | clean |\n| --- | --- | --- | --- |")
        for row in rows:
            print("| " + " | ".join(map(str, row)) + " |")
    for (family, headline), count in reasons.most_common():
        print(f"- {family}: {headline} ({count} files)")


if __name__ == "__main__":
    main()
