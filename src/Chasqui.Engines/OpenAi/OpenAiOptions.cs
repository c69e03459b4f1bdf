using System.Globalization;
using System.Text.Json;
using Chasqui.Engines.Http;

namespace Chasqui.Engines.OpenAi;

/// <summary>
/// Ollama's options in the words of each server. One that a server does not have is passed over, and named to the caller, where it only says how a model is run;
/// where it would change the text it is refused by name, unless its value turns it off anyway.
/// </summary>
internal static class OpenAiOptions
{
    /// <summary>Checks the options, and passes over those that concern a model's loading, which these servers decide at their own start.</summary>
    /// <exception cref="InvalidOptionException">One is out of its range, or is of no server.</exception>
    public static void Check(GenerationOptions options, TimeSpan? keepAlive, OpenAiServer server, string node)
    {
        options.Validate();
        if (options.Unapplied is [var unknown, ..])
            throw new InvalidOptionException(unknown, "set", Absent(node, server));
        PassOver("num_ctx", options.NumCtx is not null);
        PassOver("num_batch", options.NumBatch is not null);
        PassOver("num_thread", options.NumThread is not null);
        // What it serves stays in its memory.
        PassOver("keep_alive", keepAlive is not null);
    }

    /// <summary>Writes them all.</summary>
    /// <exception cref="InvalidOptionException">One cannot be said to this server.</exception>
    public static void Write(Utf8JsonWriter json, GenerationOptions options, OpenAiServer server, string node)
    {
        var (llama, vllm, studio) = (server.Kind == OpenAiServerKind.LlamaCpp, server.Kind == OpenAiServerKind.Vllm, server.Kind == OpenAiServerKind.LmStudio);
        json.Member("temperature", options.Temperature);
        json.Member("top_p", options.TopP);
        json.Member("presence_penalty", options.PresencePenalty);
        json.Member("frequency_penalty", options.FrequencyPenalty);
        if (options.NumPredict > 0)
            json.Member("max_tokens", options.NumPredict);
        if (options.Seed is not null and not -1)
            json.Member("seed", options.Seed);
        if (options.Stop is { Count: > 0 })
            json.Member("stop", options.Stop);

        if (options.TopK is { } topK)
        {
            if (llama || vllm || studio)
                json.WriteNumber("top_k", topK > 0 ? topK : vllm ? -1 : 0);
            else if (topK > 0)
                Refuse<int>("top_k", topK, node, server);
        }
        if (options.MinP is { } minP)
        {
            if (llama || vllm)
                json.WriteNumber("min_p", minP);
            else if (minP > 0)
                Refuse<float>("min_p", minP, node, server);
        }
        if (options.TypicalP is { } typicalP)
        {
            if (llama)
                json.WriteNumber("typical_p", typicalP);
            else if (typicalP < 1)
                Refuse<float>("typical_p", typicalP, node, server);
        }
        if (options.RepeatPenalty is { } penalty)
        {
            if (llama || studio)
                json.WriteNumber("repeat_penalty", penalty);
            else if (vllm)
                json.WriteNumber("repetition_penalty", penalty);
            else if (penalty != 1)
                Refuse<float>("repeat_penalty", penalty, node, server);
        }
        if (llama)
        {
            json.Member("repeat_last_n", options.RepeatLastN);
            json.Member("n_keep", options.NumKeep);
            return;
        }
        Refuse("repeat_last_n", options.RepeatLastN, node, server);
        // Where the context is full, such a server ends the answer: nothing is dropped that could be kept.
        PassOver("num_keep", options.NumKeep is not null);
    }

    private static void PassOver(string name, bool isGiven)
    {
        if (isGiven)
            RequestContext.Current?.PassOver(name);
    }

    private static void Refuse<T>(string name, T? value, string node, OpenAiServer server)
        where T : struct, IFormattable
    {
        if (value is { } given)
            throw new InvalidOptionException(name, Show(given), Absent(node, server));
    }

    private static string Absent(string node, OpenAiServer server) => $"left out, because node '{node}' ({server.Product}) has no such option";

    private static string Show(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
