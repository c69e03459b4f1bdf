using Messages = Chasqui.Protocol.Messages;

namespace Chasqui.Engines.Wire;

/// <summary>Options of a generation as a message of the wire, and back.</summary>
public static class WireOptions
{
    /// <summary>To the wire.</summary>
    public static Messages.GenerationOptions ToWire(GenerationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var wire = new Messages.GenerationOptions { HasStop = options.Stop is not null };
        if (options.NumCtx is { } numCtx)
            wire.NumCtx = numCtx;
        if (options.NumBatch is { } numBatch)
            wire.NumBatch = numBatch;
        if (options.NumThread is { } numThread)
            wire.NumThread = numThread;
        if (options.NumKeep is { } numKeep)
            wire.NumKeep = numKeep;
        if (options.NumPredict is { } numPredict)
            wire.NumPredict = numPredict;
        if (options.Temperature is { } temperature)
            wire.Temperature = temperature;
        if (options.TopK is { } topK)
            wire.TopK = topK;
        if (options.TopP is { } topP)
            wire.TopP = topP;
        if (options.MinP is { } minP)
            wire.MinP = minP;
        if (options.TypicalP is { } typicalP)
            wire.TypicalP = typicalP;
        if (options.RepeatLastN is { } lastN)
            wire.RepeatLastN = lastN;
        if (options.RepeatPenalty is { } repeat)
            wire.RepeatPenalty = repeat;
        if (options.PresencePenalty is { } presence)
            wire.PresencePenalty = presence;
        if (options.FrequencyPenalty is { } frequency)
            wire.FrequencyPenalty = frequency;
        if (options.Seed is { } seed)
            wire.Seed = seed;
        wire.Stop.AddRange(options.Stop ?? []);
        return wire;
    }

    /// <summary>From the wire; null is the default.</summary>
    public static GenerationOptions FromWire(Messages.GenerationOptions? wire) => wire is null ? GenerationOptions.Default : new GenerationOptions
    {
        NumCtx = wire.HasNumCtx ? wire.NumCtx : null,
        NumBatch = wire.HasNumBatch ? wire.NumBatch : null,
        NumThread = wire.HasNumThread ? wire.NumThread : null,
        NumKeep = wire.HasNumKeep ? wire.NumKeep : null,
        NumPredict = wire.HasNumPredict ? wire.NumPredict : null,
        Temperature = wire.HasTemperature ? wire.Temperature : null,
        TopK = wire.HasTopK ? wire.TopK : null,
        TopP = wire.HasTopP ? wire.TopP : null,
        MinP = wire.HasMinP ? wire.MinP : null,
        TypicalP = wire.HasTypicalP ? wire.TypicalP : null,
        RepeatLastN = wire.HasRepeatLastN ? wire.RepeatLastN : null,
        RepeatPenalty = wire.HasRepeatPenalty ? wire.RepeatPenalty : null,
        PresencePenalty = wire.HasPresencePenalty ? wire.PresencePenalty : null,
        FrequencyPenalty = wire.HasFrequencyPenalty ? wire.FrequencyPenalty : null,
        Seed = wire.HasSeed ? wire.Seed : null,
        // A list that is there is meant, whether or not its sender set the mark that tells an empty one from none.
        Stop = wire.HasStop || wire.Stop.Count > 0 ? [.. wire.Stop] : null,
    };
}
