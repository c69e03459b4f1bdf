using System.Globalization;
using System.Runtime.InteropServices;

namespace Chasqui.Engines.LlamaCpp.Native;

/// <summary>Finds the vocabularies that llama.cpp loads, and that make it end the process when it uses them.</summary>
internal static unsafe class VocabularyCheck
{
    /// <summary><c>LLAMA_VOCAB_TYPE_BPE</c></summary>
    internal const int BytePairs = 2;

    private const int None = 0;
    private const int SentencePiece = 1;
    private const int Unigram = 4;

    // LLAMA_TOKEN_ATTR_BYTE
    private const int ByteToken = 1 << 5;

    /// <returns>What is wrong, for the error; null when nothing is.</returns>
    internal static string? Fault(nint vocab)
    {
        var type = LlamaApi.llama_vocab_type(vocab);
        if (type == None)
            return "it has no vocabulary (tokenizer.ggml.model), so no text can be given to it";

        // A character that is no token is written as its bytes, each of which has to be one.
        var bytes = new bool[256];
        for (var token = LlamaApi.llama_vocab_n_tokens(vocab) - 1; token >= 0; token--)
        {
            var text = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(LlamaApi.llama_vocab_get_text(vocab, token));
            if (text.Length == 1)
                bytes[text[0]] = true;
            else if (IsByte(text, out var value))
                bytes[value] = true;
            else if (type is SentencePiece or Unigram && (LlamaApi.llama_vocab_get_attr(vocab, token) & ByteToken) != 0)
                return string.Create(CultureInfo.InvariantCulture, $"its token {token} is of the type byte, but is not written <0x00> to <0xFF>");
        }

        return type == SentencePiece && Array.IndexOf(bytes, false) is >= 0 and var missing
            ? string.Create(CultureInfo.InvariantCulture, $"its vocabulary has no token <0x{missing:X2}>, which text that it does not know is written with")
            : null;
    }

    private static bool IsByte(ReadOnlySpan<byte> text, out byte value)
    {
        value = 0;
        // The library looks for capital letters only.
        return text.Length == 6 && text.StartsWith("<0x"u8) && text[5] == (byte)'>' && !text[3..5].ContainsAnyInRange((byte)'a', (byte)'z')
            && byte.TryParse(text[3..5], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}
