using System.Text.Json.Nodes;
using Chasqui.Engines.LlamaCpp.Decoding;
using Chasqui.Engines.LlamaCpp.Embedding;
using Chasqui.Engines.LlamaCpp.Memory;
using Chasqui.Engines.LlamaCpp.Native;
using Microsoft.Extensions.Logging;

namespace Chasqui.Engines.LlamaCpp.Residency;

/// <summary>Decides how a model is laid out in memory, and loads it. Thread-safe.</summary>
internal sealed class ModelLoader(LlamaEngineOptions options, TimeProvider time, ILogger logger, Func<long> availableBytes)
{
    /// <summary>The least context; llama.cpp and Ollama have the same.</summary>
    internal const int LeastContext = 4;

    /// <summary>Texts that are embedded at once. More gain little: a batch is full with a few.</summary>
    private const int EmbeddingSequences = 8;

    /// <summary>The longest text an encoder sees as a whole; its buffers grow with the square of this.</summary>
    internal const int LongestEncoderText = 8192;

    /// <summary>The most slots whose caches fit, with at least one; null when not even one fits.</summary>
    /// <param name="model">Which model.</param>
    /// <param name="wish">The request's options.</param>
    /// <param name="residentBytes">What other models take, by estimate.</param>
    /// <param name="mappedBytes">Their files, which are mapped: the system counts those pages as free, and they are not.</param>
    /// <param name="mayShrink">Whether fewer slots than were asked for will do.</param>
    internal ContextLayout? Plan(ModelDescription model, GenerationOptions wish, long residentBytes, long mappedBytes, bool mayShrink)
    {
        var estimate = new MemoryEstimate(model);
        var room = Room(residentBytes, mappedBytes);
        var context = ContextFor(estimate, wish);
        var batch = Math.Clamp(wish.NumBatch ?? options.BatchTokens, 32, 8192);
        var threads = wish.NumThread is > 0 and var n ? Math.Min(n, Environment.ProcessorCount) : options.EffectiveThreads;
        for (var slots = options.Slots; slots >= 1; slots /= 2)
        {
            if (estimate.TotalBytes(slots, context, batch) <= room)
                return new ContextLayout(slots, context, batch, threads, wish.NumThread is > 0 ? threads : options.MostThreads, Embeddings: false);
            if (!mayShrink)
                return null;
        }

        return null;
    }

    internal InsufficientMemoryException DoesNotFit(ModelDescription model, GenerationOptions wish, long residentBytes, long mappedBytes)
    {
        var estimate = new MemoryEstimate(model);
        var needed = estimate.TotalBytes(1, ContextFor(estimate, wish), options.BatchTokens);
        return new InsufficientMemoryException(model.Summary.Name, needed, Room(residentBytes, mappedBytes));
    }

    internal async Task<LoadedModel> LoadAsync(ModelDescription description, ContextLayout layout, CancellationToken cancellationToken)
    {
        LlamaLibrary.EnsureLoaded(logger);
        // Reading a large file takes minutes: a thread of its own, so that the pool keeps its threads.
        return await Task.Factory.StartNew(
            () => Load(description, layout, cancellationToken), cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default)
            .ConfigureAwait(false);
    }

    private LoadedModel Load(ModelDescription description, ContextLayout layout, CancellationToken cancellationToken)
    {
        var name = description.Summary.Name;
        var weights = LlamaModel.Load(name, description.Path, cancellationToken);
        try
        {
            if ((weights.HasEncoder && weights.HasDecoder) || weights.IsDiffusion)
                throw new ModelLoadException(name, "models with an encoder and a decoder, and diffusion models, are not supported");

            var estimate = new MemoryEstimate(description);
            LlamaContext context;
            try
            {
                context = LlamaContext.Create(weights, layout);
            }
            catch (EngineFailedException e)
            {
                throw new ModelLoadException(name, e.Message, e);
            }

            var embedding = new EmbeddingWorker(
                weights, () => EmbeddingContext(name, estimate, weights, layout, encoder: context.Memory == 0), PoolingOf(description), logger);
            var loop = new DecodeLoop(
                weights, context, embedding, estimate.CacheBytesPerToken * layout.SequenceContext, options.QueueLimit, TimeSpan.FromSeconds(options.PrefixIdleSeconds), time, logger);
            return new LoadedModel(
                description, weights, loop, layout, estimate.TotalBytes(layout.Sequences, layout.SequenceContext, layout.Batch));
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    /// <summary>Made for the first text that is embedded, so the memory for it was not asked for when the model was loaded.</summary>
    /// <exception cref="InsufficientMemoryException">Not even one text at a time fits.</exception>
    private LlamaContext EmbeddingContext(string name, MemoryEstimate estimate, LlamaModel weights, ContextLayout layout, bool encoder)
    {
        var text = encoder ? Math.Min(weights.TrainedContext, LongestEncoderText) : layout.SequenceContext;
        var batch = encoder ? Math.Max(text, layout.Batch) : layout.Batch;
        var room = availableBytes() - options.MemoryReserveBytes;
        // An encoder has no caches, so its sequences take nothing.
        long Needed(int sequences) => estimate.ContextBytes(encoder ? 1 : sequences, text, batch);
        var fitting = EmbeddingSequences;
        while (Needed(fitting) > room)
        {
            fitting /= 2;
            if (fitting == 0)
                throw new InsufficientMemoryException(name, Needed(1), room);
        }

        return LlamaContext.Create(weights, layout with { Embeddings = true, Sequences = fitting, SequenceContext = text, Batch = batch });
    }

    /// <summary>What the file declares (<c>ARCH.pooling_type</c>); the mean, where it declares nothing.</summary>
    internal static LlamaPooling PoolingOf(ModelDescription description)
    {
        var key = $"{description.Summary.Details.Family}.pooling_type";
        var declared = description.Metadata.TryGetValue(key, out var node) && node is JsonValue value && value.TryGetValue<int>(out var type)
            ? (LlamaPooling)type
            : LlamaPooling.Mean;
        return declared is LlamaPooling.Cls or LlamaPooling.Last or LlamaPooling.Rank ? declared : LlamaPooling.Mean;
    }

    private int ContextFor(MemoryEstimate estimate, GenerationOptions wish) =>
        Math.Clamp(wish.NumCtx ?? options.ContextLength, LeastContext, Math.Max(LeastContext, estimate.TrainedContext));

    private long Room(long residentBytes, long mappedBytes)
    {
        var machine = availableBytes() - mappedBytes - options.MemoryReserveBytes;
        return options.MemoryLimitBytes > 0 ? Math.Min(machine, options.MemoryLimitBytes - residentBytes) : machine;
    }
}
