using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Chasqui.Cli;

/// <summary>What an answer took.</summary>
internal static class AnswerReport
{
    private static readonly JsonWriterOptions _options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>One JSON object; names and units (nanoseconds) of the HTTP API.</summary>
    public static string ToJson(string model, AnswerWriter answer, GenerationResult result)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, _options))
        {
            json.WriteStartObject();
            json.WriteString("model", model);
            json.WriteString("text", answer.Text);
            if (answer.Thinking.Length > 0)
                json.WriteString("thinking", answer.Thinking);
            json.WriteString("done_reason", result.Reason == FinishReason.Length ? "length" : "stop");
            json.WriteNumber("prompt_eval_count", result.PromptTokens);
            json.WriteNumber("eval_count", result.CompletionTokens);
            json.WriteNumber("total_duration", Nanoseconds(result.TotalDuration));
            json.WriteNumber("load_duration", Nanoseconds(result.LoadDuration));
            json.WriteNumber("prompt_eval_duration", Nanoseconds(result.PromptDuration));
            json.WriteNumber("eval_duration", Nanoseconds(result.CompletionDuration));
            if (Rate(result) is { } rate)
                json.WriteNumber("tokens_per_second", Math.Round(rate, 2));
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    /// <summary>The same for people, in one line.</summary>
    public static string ToLine(GenerationResult result)
    {
        var rate = Rate(result) is { } value ? FormattableString.Invariant($" ({value:0.0} tokens/s)") : "";
        var load = result.LoadDuration > TimeSpan.FromMilliseconds(1) ? $"; load {HumanText.Duration(result.LoadDuration)}" : "";
        return $"{result.PromptTokens} prompt tokens in {HumanText.Duration(result.PromptDuration)}; "
            + $"{result.CompletionTokens} tokens in {HumanText.Duration(result.CompletionDuration)}{rate}{load}; "
            + $"total {HumanText.Duration(result.TotalDuration)}; ended by {(result.Reason == FinishReason.Length ? "length" : "stop")}";
    }

    private static double? Rate(GenerationResult result) =>
        result.CompletionDuration > TimeSpan.Zero ? result.CompletionTokens / result.CompletionDuration.TotalSeconds : null;

    private static long Nanoseconds(TimeSpan span) => span.Ticks * TimeSpan.NanosecondsPerTick;
}
