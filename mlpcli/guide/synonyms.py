"""Other words for the pages of the guide, English and Korean: what people type who do not know a page's name.

To add one: write it behind its page. Case, spaces, hyphens and underscores do not count.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "perceptron": "neuron, single layer, linear model, xor, mlp, multilayer perceptron, neural network, 퍼셉트론, "
    "뉴런, 단층 퍼셉트론, 다층 퍼셉트론, 신경망, 선형 모델",
    "layers": "layer, hidden, hidden layer, hidden layers, width, depth, units, neurons, architecture, "
    "deep learning, 층, 레이어, 은닉층, 은닉 유닛, 깊이, 너비, 구조, 딥러닝",
    "activation": "activations, activation function, nonlinearity, relu, leaky relu, elu, selu, gelu, silu, swish, "
    "tanh, sigmoid, identity, softplus, 활성화, 활성화 함수, 활성 함수, 비선형, 렐루, 시그모이드",
    "initialisation": "initialization, weight initialization, init, first weights, weights, glorot, xavier, he, "
    "kaiming, lecun, 초기화, 가중치 초기화, 가중치, 초깃값",
    "loss": "losses, loss function, cost function, objective, cross entropy, log loss, bce, squared error, "
    "huber, 손실, 손실 함수, 비용 함수, 목적 함수, 교차 엔트로피, 크로스 엔트로피",
    "poisson": "counts, count, count data, rate, exposure, deviance, 이탈도, 포아송, 푸아송, 개수, 건수",
    "quantile": "quantiles, pinball, pinball loss, percentile, median regression, 핀볼 손실, 분위수, 백분위수, "
    "분위 회귀",
    "gradient-descent": "gradient, gradients, descent, sgd, stochastic, stochastic gradient descent, "
    "batch gradient descent, step, epoch, epochs, 경사 하강, 경사 하강법, 확률적 경사 하강법, 기울기, 그래디언트, "
    "에포크, 에폭",
    "batch-size": "batch, batches, minibatch, full batch, mini batch gradient descent, 배치, 배치 크기, "
    "배치 사이즈, 미니배치",
    "learning-rate": "lr, step size, rate of learning, schedule, warmup, cosine, decay of the rate, 학습률, "
    "학습 속도, 러닝 레이트, 스케줄, 웜업",
    "optimisers": "optimizers, optimizer, optimiser, adam, adamw, momentum, nesterov, rmsprop, beta1, beta2, "
    "최적화, 최적화 기법, 옵티마이저, 아담, 모멘텀, 관성",
    "overfitting": "overfit, memorising, memorizing, generalisation, generalization, generalization gap, variance, "
    "과적합, 과대적합, 오버피팅, 일반화, 암기",
    "overfitting-averted": "early stopping, patience, early stop, best epoch, 조기 종료, 조기 중단, 얼리 스토핑, "
    "과적합 방지",
    "regularisation": "regularization, regularize, regularise, dropout, l1, l2, ridge, lasso, weight decay, "
    "label smoothing, max norm, input noise, noise, penalty, 정규화, 규제, 드롭아웃, 가중치 감쇠, 라벨 스무딩, "
    "노이즈",
    "splits": "split, training, train, test, validation, test set, validation set, training set, holdout, leakage, "
    "stratified, fold, folds, group, time, 분할, 데이터 분할, 학습 데이터, 훈련 데이터, 검증 데이터, 테스트 데이터, "
    "시험 데이터, 검증, 테스트, 폴드",
    "metrics": "metric, accuracy, precision, recall, f1, auc, roc, average precision, balanced accuracy, rmse, mae, "
    "r2, score, brier, confusion matrix, baseline, confidence interval, 지표, 평가 지표, 정확도, 정밀도, "
    "재현율, 혼동 행렬, 신뢰 구간, 기준선",
    "comparing-models": "compare models, against, new against old, champion challenger, retrain, better model, "
    "paired, difference, verdict, disagreements, 모델 비교, 재학습, 새 모델",
    "importance": "feature importance, permutation importance, which columns matter, explain, explanation, "
    "interpretability, 중요도, 변수 중요도, 특성 중요도, 순열 중요도, 설명",
    "effects": "effect, ale, accumulated local effects, partial dependence, pdp, response curve, 효과, 부분 의존도, "
    "누적 국소 효과",
    "contributions": "contribution, shap, shapley, shapley values, counterfactual, reasons, why, 기여도, 섀플리, "
    "섀플리 값, 이유",
    "drift": "data drift, concept drift, covariate shift, distribution shift, monitoring, new rows, out of range, "
    "psi, 드리프트, 데이터 드리프트, 분포 변화, 모니터링",
    "intervals": "interval, prediction interval, conformal, conformal prediction, label set, label sets, mondrian, "
    "uncertainty, how sure, reject, abstain, confidence, max width, 예측 구간, 구간, 불확실성, "
    "레이블 집합, 컨포멀, 확신도",
    "coverage": "calibration, promise, held, selective, accuracy against coverage, 포함률, 커버리지, 약속",
    "costs": "cost, mean cost, expected cost, cost sensitive, asymmetric costs, false negative, order, ordinal, "
    "ordered classes, rank error, 비용, 오분류 비용, 기대 비용, 순서, 순위, 서열, 순서형",
    "reproduce": "reproducible, reproducibility, deterministic, determinism, same bits, bit for bit, seed, "
    "재현, 재현성, 결정론",
    "start-from": "warm start, fine tune, fine tuning, continue training, go on learning, incremental learning, "
    "transfer learning, forgetting, catastrophic forgetting, 이어서 학습, 미세 조정, 파인튜닝, 전이 학습, 망각",
    "distill": "distillation, knowledge distillation, model compression, compress, compression, teacher, student, "
    "smaller, small model, 증류, 지식 증류, 모델 압축, 교사 모델, 학생 모델",
    "numbers": "number, decimal, decimal comma, thousands, thousands separator, currency, percent, unit, format, "
    "숫자, 수, 소수점, 천 단위, 천단위 구분, 통화, 퍼센트, 단위",
    "dates": "date, time of day, times, datetime, timestamp, duration, time zone, dmy, mdy, iso 8601, 날짜, 시각, "
    "시간, 일시, 기간, 타임스탬프, 시간대",
    "watching": "watch, replay, decision boundary, boundary, decision map, surface, map, fps, visualisation, "
    "visualization, 결정 경계, 시각화, 관찰, 다시 보기",
    "backpropagation": "backprop, chain rule, backward pass, forward pass, explain step, delta rule, 역전파, "
    "오차 역전파, 연쇄 법칙, 순전파",
    "underfitting": "underfit, too small, bias, 과소적합, 언더피팅, 편향",
    "not-converged": "convergence, converged, converge, too few epochs, 수렴, 미수렴, 수렴 안 됨",
    "diverged": "divergence, nan, inf, exploding gradients, not finite, 발산, 기울기 폭발, 무한대",
    "recovered": "recovery, recoveries, 회복, 복구",
    "unstable": "instability, oscillation, noisy loss, jumps, 불안정, 진동",
    "no-better-than-baseline": "majority class, nothing learned, chance, 기준선과 같음, 학습 안 됨, 다수 클래스",
    "linear-is-enough": "linear, linear regression, logistic regression, 선형, 선형 회귀, 로지스틱 회귀",
    "validation-too-small": "small data, few rows, too few rows, 적은 데이터, 데이터 부족, 검증 데이터 부족",
    "leak-suspected": "leak, leaks, data leakage, target leakage, 데이터 누수, 누출, 데이터 누출, 정보 누출, 누수, "
    "타깃 누출",
    "imbalanced": "imbalance, class imbalance, rare class, class weight, unbalanced, 불균형, 클래스 불균형, "
    "클래스 가중치",
    "dead-units": "dead relu, dying relu, dead neurons, dead unit, 죽은 뉴런, 죽은 유닛, 죽은 렐루",
    "saturated-units": "saturation, saturated, vanishing gradients, vanishing gradient, 포화, 포화 유닛, 기울기 소실",
    "test-differs-from-validation": "shift, test set from elsewhere, 데이터 변화",
    "group-column": "groups, patient, id, identifier, grouped rows, 그룹, 식별자, 환자 번호, 그룹 열",
    "time-order": "time series, forecasting, autocorrelation, temporal, 시계열, 시간 순서, 예측 시점, 자기상관",
    "repeated-rows": "duplicates, duplicate rows, duplicate, repeated, 중복, 중복 행",
    "repeated-across-sets": "duplicates across sets, train test overlap, contamination, 세트 간 중복, 학습 테스트 중복",
    "class-in-one-set": "missing class, unseen class, single row class, 보지 못한 클래스, 한 세트에만 있는 클래스",
    "mostly-missing": "missing, missing values, imputation, empty cells, na, null, 결측, 결측값, 결측치, 빈 칸",
    "lost-column": "rare values, high cardinality, cardinality, rare categories, 희귀 값, 범주가 많은 열, 카디널리티",
    "target-outlier": "outlier, outliers, extreme value, 이상치, 이상값, 극단값",
    "commands": "command, cli, usage, exit codes, json, library, api, python, 명령, 명령어, 사용법, 종료 코드, "
    "라이브러리",
    "flags": "flag, options, option, settings, setting, config, configuration, toml, environment, preset, presets, "
    "hyperparameters, hyperparameter, 옵션, 설정, 플래그, 하이퍼파라미터, 환경 변수, 프리셋",
    "reading": "csv, read, encoding, encodings, utf 8, cp949, euc kr, delimiter, excel, xlsx, parquet, categories, "
    "category, text, scaling, standardization, ensemble, 읽기, 파일 읽기, 인코딩, 구분자, 엑셀, 범주, 텍스트, "
    "앙상블, 표준화",
    "predictions": "predict, prediction, inference, pipe, pipes, proba, probability, probabilities, threshold, "
    "예측, 추론, 파이프, 확률, 임계값",
    "studies": "study, cross validation, cv, compare, tune, tuning, hyperparameter search, grid search, "
    "learning curve, k fold, optuna, 교차 검증, 비교, 튜닝, 탐색, 학습 곡선",
    "findings": "finding, warnings, warning, diagnose, diagnosis, remedy, remedies, 경고, 진단, 처방, 발견",
    "cluster": "clusters, dask, distributed, workers, scheduler, many machines, ray, 클러스터, 분산, 워커, 스케줄러",
    "export": "exports, deploy, deployment, onnx, c, javascript, js, sql, python file, microcontroller, embed, "
    "without python, 내보내기, 배포, 오닉스, 자바스크립트",
    "serve": "server, http, rest, openapi, uvicorn, port, curl, json schema, 서버, 서빙, 포트",
    "report": "reports, html, page, markdown, pull request, share, send, print, 보고서, 리포트, 공유, 인쇄, 마크다운",
    "model-file": "model, npz, checkpoint, resume, save, file format, 모델, 모델 파일, 체크포인트, 이어하기, 저장",
    "security": "safety, pickle, trust, untrusted, 보안, 안전, 신뢰",
}


def squashed(word: str) -> str:
    """A word as it is looked up: 'Learning-Rate ' and 'learning rate' are one."""
    return re.sub(r"[\s_-]+", "", unicodedata.normalize("NFKC", word).casefold())


SYNONYMS: Mapping[str, str] = {
    squashed(word): page for page, words in WORDS.items() for word in (page, *words.split(", "))
}
