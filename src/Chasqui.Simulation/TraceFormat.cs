using System.Globalization;
using System.Text.Json;
using Chasqui.Gateway;

namespace Chasqui.Simulation;

/// <summary>
/// The traces that are understood, told apart by their first line: our own CSV, the CSV of Azure's LLM inference dataset 2023 (<c>TIMESTAMP,ContextTokens,GeneratedTokens</c>),
/// and the lines of JSON of Mooncake's traces (FAST'25: <c>timestamp</c> in milliseconds, <c>input_length</c>, <c>output_length</c>).
/// </summary>
public static class TraceFormat
{
    private const string AzureHead = "TIMESTAMP,ContextTokens,GeneratedTokens";
    private const int MaxTokens = 100_000_000;

    private static readonly string[] _required = ["at", "prompt_tokens", "output_tokens"];
    private static readonly string[] _known = [.. _required, "model", "caller", "weight", "priority", "max_wait"];

    /// <summary>Reads a trace, in the order of its file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limit">Requests to read at most.</param>
    /// <exception cref="TraceException">It cannot be read; the message names the line.</exception>
    public static IEnumerable<TraceRequest> Read(string path, int limit = int.MaxValue)
    {
        var reader = new StreamReader(path);
        using (reader)
        {
            var first = reader.ReadLine() ?? throw new TraceException(path, 1, "is empty; it must be a trace");
            Func<string, TraceRequest> parse;
            var number = 1;
            var pending = first;
            if (first.TrimStart().StartsWith('{'))
            {
                parse = Mooncake;
            }
            else
            {
                parse = first.StartsWith(AzureHead, StringComparison.OrdinalIgnoreCase) ? Azure() : Own(path, first);
                pending = reader.ReadLine();
                number = 2;
            }
            for (var count = 0; pending is not null && count < limit; pending = reader.ReadLine(), number++)
            {
                if (string.IsNullOrWhiteSpace(pending))
                    continue;
                count++;
                yield return Parsed(path, number, pending, parse);
            }
        }
    }

    private static TraceRequest Parsed(string path, int line, string text, Func<string, TraceRequest> parse)
    {
        try
        {
            return parse(text);
        }
        catch (FieldException e)
        {
            throw new TraceException(path, line, e.Message);
        }
        catch (Exception e) when (e is FormatException or JsonException or KeyNotFoundException or InvalidOperationException or IndexOutOfRangeException)
        {
            throw new TraceException(path, line,
                $"is no request of this trace ({(e is IndexOutOfRangeException ? "a field is missing" : JsonProblem.Reason(e))})");
        }
    }

    private static TraceRequest Mooncake(string line)
    {
        using var json = JsonDocument.Parse(line);
        var root = json.RootElement;
        return new TraceRequest
        {
            At = root.GetProperty("timestamp").GetDouble() / 1000,
            PromptTokens = root.GetProperty("input_length").GetInt32(),
            OutputTokens = root.GetProperty("output_length").GetInt32(),
        };
    }

    private static Func<string, TraceRequest> Azure()
    {
        DateTime? begin = null;
        return line =>
        {
            var fields = line.Split(',');
            if (fields.Length != 3 || !DateTime.TryParse(fields[0], CultureInfo.InvariantCulture, DateTimeStyles.None, out var at))
                throw new FieldException($"is \"{line}\", but must be a time and two numbers of tokens, such as \"2023-11-16 18:15:46.6805900,374,44\"");
            begin ??= at;
            return new TraceRequest { At = Math.Max(0, (at - begin.Value).TotalSeconds), PromptTokens = Tokens("ContextTokens", fields[1]), OutputTokens = Tokens("GeneratedTokens", fields[2]) };
        };
    }

    private static Func<string, TraceRequest> Own(string path, string head)
    {
        string[] names = [.. head.Split(',').Select(name => name.Trim().ToLowerInvariant())];
        foreach (var name in names)
        {
            if (!_known.Contains(name))
                throw new TraceException(path, 1, $"has the column \"{name}\", but there are {string.Join(", ", _known)}; or it is a trace of Azure or Mooncake");
        }
        foreach (var name in _required)
        {
            if (!names.Contains(name))
                throw new TraceException(path, 1, $"lacks the column \"{name}\"; there must be {string.Join(", ", _required)}");
        }
        return line =>
        {
            var fields = line.Split(',');
            if (fields.Length != names.Length)
                throw new FieldException(FormattableString.Invariant($"has {fields.Length} fields, but the first line names {names.Length}"));
            return new TraceRequest
            {
                At = Number("at", Field("at"), 0, 1e9),
                Model = Field("model"),
                Caller = Field("caller"),
                Weight = Field("weight") is { Length: > 0 } weight ? Number("weight", weight, 0.01, 1000) : 1,
                Priority = Priority(Field("priority")),
                PromptTokens = Tokens("prompt_tokens", Field("prompt_tokens")),
                OutputTokens = Tokens("output_tokens", Field("output_tokens")),
                MaxWait = Field("max_wait") is { Length: > 0 } wait ? Number("max_wait", wait, 0, 1e6) : null,
            };

            string Field(string name) => Array.IndexOf(names, name) is >= 0 and var at ? fields[at].Trim() : "";
        };
    }

    private static double Number(string name, string text, double low, double high) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= low && value <= high
            ? value : throw new FieldException(FormattableString.Invariant($"{name} is \"{text}\", but must be a number from {low} to {high}"));

    private static int Tokens(string name, string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value <= MaxTokens
            ? value : throw new FieldException(FormattableString.Invariant($"{name} is \"{text}\", but must be a whole number from 0 to {MaxTokens}"));

    private static PriorityClass Priority(string text) => text.ToLowerInvariant() switch
    {
        "" or "normal" => PriorityClass.Normal,
        "interactive" => PriorityClass.Interactive,
        "batch" => PriorityClass.Batch,
        _ => throw new FieldException($"priority is \"{text}\", but must be interactive, normal or batch"),
    };

    /// <summary>A line says something else than it must; the message is for its reader.</summary>
    private sealed class FieldException(string message) : Exception(message);
}
