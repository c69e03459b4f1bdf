using System.Runtime.InteropServices;
using System.Text;
using Chasqui.Engines.LlamaCpp.Native;

namespace Chasqui.Engines.LlamaCpp.Prompts;

/// <summary>Renders a conversation with llama.cpp's own knowledge of the common Jinja templates. It does not run Jinja: it recognises them.</summary>
internal static unsafe class NativeChatTemplate
{
    /// <returns>The prompt, ending where the assistant begins to speak; null where the template is not recognised.</returns>
    /// <exception cref="InvalidRequestException">A message holds U+0000, which would cut it short without a word.</exception>
    internal static string? Render(string jinja, IReadOnlyList<ChatMessage> messages)
    {
        var strings = new byte[(messages.Count * 2) + 1][];
        var total = 0;
        for (var i = 0; i < messages.Count; i++)
        {
            strings[2 * i] = Terminated(messages[i].Role);
            strings[(2 * i) + 1] = Terminated(messages[i].Content);
            total += strings[2 * i].Length + strings[(2 * i) + 1].Length;
        }

        strings[^1] = Terminated(jinja);
        var pins = Array.ConvertAll(strings, s => new PinnedGCHandle<byte[]>(s));
        try
        {
            var native = new LlamaChatMessage[messages.Count];
            for (var i = 0; i < native.Length; i++)
                native[i] = new LlamaChatMessage { Role = pins[2 * i].GetAddressOfArrayData(), Content = pins[(2 * i) + 1].GetAddressOfArrayData() };
            return Apply(pins[^1].GetAddressOfArrayData(), native, total);
        }
        finally
        {
            foreach (var pin in pins)
                pin.Dispose();
        }
    }

    private static string? Apply(byte* template, LlamaChatMessage[] messages, int contentBytes)
    {
        var buffer = new byte[(2 * contentBytes) + 1024];
        while (true)
        {
            int length;
            fixed (LlamaChatMessage* first = messages)
            fixed (byte* target = buffer)
                length = LlamaApi.llama_chat_apply_template(template, first, (nuint)messages.Length, addAssistant: true, target, buffer.Length);
            if (length < 0)
                return null;
            if (length <= buffer.Length)
                return Encoding.UTF8.GetString(buffer, 0, length);
            buffer = new byte[length];
        }
    }

    private static byte[] Terminated(string text) => text.Contains('\0', StringComparison.Ordinal)
        ? throw new InvalidRequestException("a message holds the character U+0000, which the model's template cannot carry; leave it out")
        : Encoding.UTF8.GetBytes(text + '\0');
}
