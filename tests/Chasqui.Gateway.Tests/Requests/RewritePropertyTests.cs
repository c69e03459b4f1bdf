using System.Globalization;
using System.Text;
using System.Text.Json;
using Chasqui.Gateway.Policies;
using Chasqui.Gateway.Requests;
using CsCheck;

namespace Chasqui.Gateway.Tests.Requests;

/// <summary>Rewriting against a slow oracle that parses the whole body, whatever its spaces, escapes, repetitions and nesting.</summary>
public sealed class RewritePropertyTests
{
    private static readonly OptionPolicy _clamping = new(new ModelPolicy
    {
        NumCtx = new OptionRule(OptionTreatment.Clamp, [2048, 32768]),
        NumBatch = new OptionRule(OptionTreatment.Bucket, [128, 512]),
        KeepAlive = new OptionRule(OptionTreatment.Clamp, [60, 3600]),
    });

    private static readonly OptionPolicy _stripping = new(new ModelPolicy
    {
        NumCtx = new OptionRule(OptionTreatment.Strip, []),
        NumBatch = new OptionRule(OptionTreatment.Strip, []),
        KeepAlive = new OptionRule(OptionTreatment.Strip, []),
    });

    private static readonly Gen<string> _space = OneOf("", "", "", " ", "\n\t", "\r\n  ");

    private static readonly Gen<string> _scalar = Gen.Frequency(
        (4, OneOf("1", "131072", "4096", "-1", "1e3", "0.5", "300")),
        (2, OneOf("\"5m\"", "\"24h\"", "\"-1s\"", "\"\\u0032h\"", "\"x\"", "\"a\\\"},\\\\\"", "\"ä😀\"")),
        (1, OneOf("true", "false", "null", "{}", "[]", "[ 1,{\"num_ctx\":9}]")));

    private static readonly Gen<string> _option = Gen.Select(
        OneOf("num_ctx", "num_batch", "num_predict", "NUM_CTX", "n\\u0075m_ctx", "num_b\\u0061tch", "top_k", ""), _scalar, _space, _space, Member);

    private static readonly Gen<string> _options = Gen.Select(_option.List[0, 5], _space, Object);

    private static readonly Gen<string> _member = Gen.Frequency(
        (5, Gen.Select(OneOf("keep_alive", "KEEP_Alive", "keep\\u005falive", "model", "stream", "system", "prompt", "messages", "x"), _scalar, _space, _space, Member)),
        (3, Gen.Select(OneOf("options", "Options", "opt\\u0069ons", "messages", "tools"), _options, _space, _space, Member)));

    private static readonly Gen<string> _body = Gen.Select(_member.List[0, 7], _space, Object);

    [Fact]
    public void It_means_what_a_policy_applied_to_each_member_means() => _body.Sample(
        body =>
        {
            foreach (var policy in new[] { _clamping, _stripping })
                Assert.Equal(Oracle(body, policy), Normal(RewriteTests.Rewrite(Dialects.Ollama, body, "renamed", policy).Text));
        },
        iter: 20_000);

    [Fact]
    public void It_changes_no_other_byte() => _body.Sample(
        body =>
        {
            var rewritten = RewriteTests.Rewrite(Dialects.Ollama, body, "renamed", _clamping).Text;
            Assert.Equal(Between(body), Between(rewritten));
        },
        iter: 20_000);

    [Fact]
    public void It_has_no_more_to_do_the_second_time() => _body.Sample(
        body =>
        {
            var (once, _) = RewriteTests.Rewrite(Dialects.Ollama, body, "renamed", _clamping);
            var (twice, changes) = RewriteTests.Rewrite(Dialects.Ollama, once, "renamed", _clamping);
            Assert.Equal(once, twice);
            Assert.Empty(changes);
        },
        iter: 5_000);

    [Fact]
    public void A_body_cut_anywhere_is_refused_and_nothing_is_thrown() => _body.Sample(
        body =>
        {
            var bytes = Encoding.UTF8.GetBytes(body);
            for (var length = 0; length < bytes.Length; length++)
            {
                foreach (var dialect in new[] { Dialects.Ollama, Dialects.OpenAi, Dialects.OpenAiResponses, Dialects.Anthropic })
                    Assert.False(RequestScan.TryRead(bytes.AsMemory(0, length), dialect, out _, out _));
            }
        },
        iter: 200);

    [Fact]
    public void A_body_with_any_byte_changed_is_read_or_refused() => Gen.Select(_body, Gen.Int[0, 10_000], Gen.Byte).Sample(
        (body, at, value) =>
        {
            var bytes = Encoding.UTF8.GetBytes(body);
            bytes[at % bytes.Length] = value;
            if (!RequestScan.TryRead(bytes, Dialects.Ollama, out var scan, out _))
                return;
            using (scan)
            using (RequestRewriter.Rewrite(scan, "renamed", _stripping))
            {
            }
        },
        iter: 20_000);

    private static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static string Member(string name, string value, string before, string after) => $"{before}\"{name}\"{after}:{before}{value}{after}";

    private static string Object(List<string> members, string space) => "{" + (members.Count == 0 ? space : string.Join(",", members)) + "}";

    /// <summary>The bytes between the values that may be rewritten.</summary>
    private static string[] Between(string body)
    {
        using var scan = RequestScanTests.Read(Dialects.Ollama, body);
        List<string> parts = [];
        var from = 0;
        foreach (var place in scan.Places)
        {
            parts.Add(Encoding.UTF8.GetString(scan.Body.Span[from..place.ValueStart]));
            from = place.ValueEnd;
        }
        parts.Add(Encoding.UTF8.GetString(scan.Body.Span[from..]));
        return [.. parts];
    }

    private static string Normal(string body)
    {
        using var document = JsonDocument.Parse(body);
        return Write(document.RootElement, (_, value) => Write(value, null));
    }

    private static string Oracle(string body, OptionPolicy policy)
    {
        using var document = JsonDocument.Parse(body);
        return Write(document.RootElement, (name, value) => name.ToUpperInvariant() switch
        {
            "MODEL" when value.ValueKind == JsonValueKind.String => "\"renamed\"",
            "KEEP_ALIVE" => KeepAlive(policy.KeepAlive, value),
            "OPTIONS" when value.ValueKind == JsonValueKind.Object => Write(value, (option, inner) => option switch
            {
                "num_ctx" => Number(policy.NumCtx, inner),
                "num_batch" => Number(policy.NumBatch, inner),
                _ => Write(inner, null),
            }),
            _ => Write(value, null),
        });
    }

    private static string? Number(OptionRule rule, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Null && rule.Treatment == OptionTreatment.Strip)
            return null;
        if (value.ValueKind != JsonValueKind.Number)
            return Write(value, null);
        var said = Math.Truncate(value.GetDouble());
        var made = OptionValues.Apply(rule, said)!.Value;
        return made == said ? value.GetRawText() : made.ToString(CultureInfo.InvariantCulture);
    }

    private static string? KeepAlive(OptionRule rule, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Null && rule.Treatment == OptionTreatment.Strip)
            return null;
        double said;
        if (value.ValueKind == JsonValueKind.Number)
            said = value.GetDouble();
        else if (value.ValueKind == JsonValueKind.String && GoDuration.TryParse(value.GetString(), out var duration))
            said = duration.TotalSeconds;
        else
            return Write(value, null);
        said = said < 0 ? double.PositiveInfinity : said;
        var made = Math.Clamp(said, 60, 3600);
        return made == said ? Write(value, null)
            : value.ValueKind == JsonValueKind.Number ? made.ToString(CultureInfo.InvariantCulture)
            : made == 60 ? "\"1m\"" : "\"1h\"";
    }

    /// <summary>JSON without spaces and escapes, repeated members kept; a member whose value is null text is left out.</summary>
    private static string Write(JsonElement value, Func<string, JsonElement, string?>? member) => value.ValueKind switch
    {
        JsonValueKind.Object => "{" + string.Join(",", value.EnumerateObject()
            .Select(m => (m.Name, Text: member is null ? Write(m.Value, null) : member(m.Name, m.Value))).Where(m => m.Text is not null).Select(m => $"{m.Name}:{m.Text}")) + "}",
        JsonValueKind.Array => "[" + string.Join(",", value.EnumerateArray().Select(item => Write(item, null))) + "]",
        JsonValueKind.String => $"\"{value.GetString()}\"",
        _ => value.GetRawText(),
    };
}
