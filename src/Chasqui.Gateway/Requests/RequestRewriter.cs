using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Chasqui.Gateway.Policies;

namespace Chasqui.Gateway.Requests;

/// <summary>
/// Changes a request's model and options where they stand in its body, and no other byte. Where a member is given more than once, each is changed: which
/// of them counts is not the same for every engine.
/// </summary>
public static class RequestRewriter
{
    /// <summary>Changes a body. Allocates nothing when nothing is to be changed.</summary>
    /// <param name="scan">The request.</param>
    /// <param name="model">The model that it shall name; null for the one that it names.</param>
    /// <param name="policy">The rules for Ollama's options; null for none.</param>
    /// <param name="countsTokens">Whether the node is asked to count the tokens of the stream; only where the request <see cref="RequestScan.LacksUsage"/>.</param>
    public static RewrittenBody Rewrite(RequestScan scan, string? model, OptionPolicy? policy, bool countsTokens = false)
    {
        ArgumentNullException.ThrowIfNull(scan);
        var edits = default(EditList);
        if (countsTokens && scan.Usage == UsageWish.Unsaid)
            edits.Insert(scan.Body.Span.IndexOf((byte)'{') + 1, StreamUsage.Member);
        var wanted = model ?? scan.Model;
        foreach (var place in scan.Places)
        {
            switch (place.Member)
            {
                case Rewritable.Model when wanted is not null:
                    RenameModel(scan, place, wanted, ref edits);
                    break;
                case Rewritable.StreamOptions when countsTokens:
                    edits.Replace(place, StreamUsage.Wanted(Value(scan, place)));
                    break;
                case Rewritable.NumCtx when policy is not null:
                    ChangeNumber(scan, place, "num_ctx", policy.NumCtx, ref edits);
                    break;
                case Rewritable.NumBatch when policy is not null:
                    ChangeNumber(scan, place, "num_batch", policy.NumBatch, ref edits);
                    break;
                case Rewritable.KeepAlive when policy is not null:
                    ChangeKeepAlive(scan, place, policy.KeepAlive, ref edits);
                    break;
            }
        }
        return edits.Apply(scan.Body);
    }

    private static void RenameModel(RequestScan scan, in Place place, string wanted, ref EditList edits)
    {
        var reader = new Utf8JsonReader(Value(scan, place));
        // What is no text is the engine's to refuse.
        if (!reader.Read() || reader.TokenType != JsonTokenType.String || reader.ValueTextEquals(wanted))
            return;
        var text = JsonEncodedText.Encode(wanted, JavaScriptEncoder.UnsafeRelaxedJsonEscaping);
        edits.Replace(place, [(byte)'"', .. text.EncodedUtf8Bytes, (byte)'"']);
    }

    private static void ChangeNumber(RequestScan scan, in Place place, string name, OptionRule rule, ref EditList edits)
    {
        var value = Value(scan, place);
        if (rule.Treatment == OptionTreatment.Keep || value.SequenceEqual("null"u8))
            return;
        if (rule.Treatment == OptionTreatment.Strip)
        {
            edits.Remove(scan.Body.Span, place);
            edits.Tell(new OptionChange(name, null, null));
            return;
        }
        // A fraction is cut off where the number is used.
        if (!TryNumber(value, out var said) || OptionValues.Apply(rule, Math.Truncate(said)) is not { } made || made == Math.Truncate(said))
            return;
        edits.Replace(place, Encoding.UTF8.GetBytes(OptionValues.Whole(made)));
        edits.Tell(new OptionChange(name, Show(value), OptionValues.Whole(made)));
    }

    private static void ChangeKeepAlive(RequestScan scan, in Place place, OptionRule rule, ref EditList edits)
    {
        var value = Value(scan, place);
        if (rule.Treatment == OptionTreatment.Keep || value.SequenceEqual("null"u8))
            return;
        if (rule is { Treatment: OptionTreatment.Strip, StripsBelow: null })
        {
            Strip(scan, place, ref edits);
            return;
        }

        var text = value[0] == (byte)'"';
        if (!(text ? TryDuration(value[1..^1], out var said) : TryNumber(value, out said)))
            return;
        said = OptionValues.Unending(said);
        if (OptionValues.Apply(rule, said) is not { } made)
        {
            Strip(scan, place, ref edits);
            return;
        }
        if (made == said)
            return;
        // The number -1 is "for ever" for every version; the text would need a unit.
        var number = double.IsPositiveInfinity(made) ? "-1" : made.ToString("0.#########", CultureInfo.InvariantCulture);
        edits.Replace(place, Encoding.UTF8.GetBytes(text && !double.IsPositiveInfinity(made) ? $"\"{OptionValues.Duration(made)}\"" : number));
        edits.Tell(new OptionChange("keep_alive", OptionValues.Duration(said), OptionValues.Duration(made)));
    }

    private static void Strip(RequestScan scan, in Place place, ref EditList edits)
    {
        edits.Remove(scan.Body.Span, place);
        edits.Tell(new OptionChange("keep_alive", null, null));
    }

    private static ReadOnlySpan<byte> Value(RequestScan scan, in Place place) => scan.Body.Span[place.ValueStart..place.ValueEnd];

    private static bool TryNumber(ReadOnlySpan<byte> value, out double number)
    {
        number = 0;
        // A number too great for a double is infinite here, and greater than every limit.
        return value[0] is (byte)'-' or (>= (byte)'0' and <= (byte)'9')
            && double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out number);
    }

    private static bool TryDuration(ReadOnlySpan<byte> value, out double seconds)
    {
        const int Longest = 100;
        seconds = 0;
        if (value.Length > Longest * 6)
            return false;
        Span<byte> plain = stackalloc byte[Longest * 6];
        plain = plain[..JsonEscapes.Decode(value, plain)];
        Span<char> text = stackalloc char[plain.Length];
        if (!Encoding.UTF8.TryGetChars(plain, text, out var written) || !GoDuration.TryParse(text[..written], out var duration))
            return false;
        seconds = duration.TotalSeconds;
        return true;
    }

    /// <summary>A number as it was written, short enough for a header.</summary>
    private static string Show(ReadOnlySpan<byte> number) => number.Length <= 24 ? Encoding.UTF8.GetString(number) : Encoding.UTF8.GetString(number[..24]) + "...";
}
